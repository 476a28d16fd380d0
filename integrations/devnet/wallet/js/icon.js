// A broken pane, as a data URI: EIP-6963 wants one.
export const ICON =
  "data:image/svg+xml," +
  encodeURIComponent(
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 96 96"><rect width="96" height="96" rx="20" fill="#7f4b00"/>' +
      '<path d="M24 24h48v48H24zM24 50l20-8 6-18M44 42l10 14 18-4M54 56l-8 16" fill="none" stroke="#fff" stroke-width="5"/></svg>',
  );
