// Everything that every page carries. Each module defines one custom element or one habit; none needs another.
import "./theme.js";
import "./copy.js";
import "./hash.js";
import "./when.js";
import "./clock.js";
import "./run-bar.js";
import "./toasts.js";
import "./dialogs.js";
import "./commands.js";
import "./shortcuts.js";
import "./forms.js";
import "./live.js";
import "./unless.js";
