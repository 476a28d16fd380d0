"""The part of the settings that says how people and programs are known, and what the API answers with."""

import os
from typing import Any

from config.environment import Environment

_env = Environment(os.environ)
PRODUCTION = os.environ.get("BREAKGLASS_PROFILE", "demo") == "production"
TEST = os.environ.get("BREAKGLASS_PROFILE") == "test"

AUTHENTICATION_BACKENDS = [
    "rules.permissions.ObjectPermissionBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
if TEST:
    # A slow hash protects passwords that matter; the suite has one password and hashes it a thousand times.
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"

# --- allauth ---
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "username*", "password1*", "password2*"]
# People come in by an invitation to their address, which proves it; an address changed later is verified by mail.
ACCOUNT_EMAIL_VERIFICATION = "optional"
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = "[Breakglass] "
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_USERNAME_MIN_LENGTH = 2
ACCOUNT_USER_DISPLAY = "accounts.adapter.display_name"
_OFTEN = 100 if TEST else 1  # the suite is one address that logs in all day
ACCOUNT_RATE_LIMITS = {
    "login": f"{30 * _OFTEN}/m/ip",
    "wallet": f"{30 * _OFTEN}/m/ip",
    "sign_link": f"{20 * _OFTEN}/m/ip,{60 * _OFTEN}/h/key",  # signers without an account, handing in
    "sign_link_read": f"{60 * _OFTEN}/m/ip",
    "status_subscribe": f"{10 * _OFTEN}/m/ip,{60 * _OFTEN}/h/ip",
    "status_link": f"{60 * _OFTEN}/m/ip",
    "ack_link": f"{20 * _OFTEN}/m/ip,{60 * _OFTEN}/h/key",  # who was paged, without a login
    "ack_link_read": f"{60 * _OFTEN}/m/ip",
    "login_failed": f"{10 * _OFTEN}/m/ip,5/5m/key",
    "reauthenticate": f"{10 * _OFTEN}/m/user",
}
MFA_RATE_LIMITS = {"webauthn_login": f"{10 * _OFTEN}/m/ip"}
ACCOUNT_FORMS = {"login": "accounts.forms.PasswordLoginForm"}
MFA_FORMS = {
    "add_webauthn": "accounts.forms.AddPasskeyForm",
    "authenticate_webauthn": "accounts.forms.AuthenticatePasskeyForm",
    "login_webauthn": "accounts.forms.LoginPasskeyForm",
    "reauthenticate_webauthn": "accounts.forms.ReauthenticatePasskeyForm",
}
MFA_ADAPTER = "accounts.adapter.MFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_WEBAUTHN_USER_VERIFICATION = "required"  # a passkey counts for two factors only with a PIN or a finger
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = False  # browsers and fido2 take http://localhost, and nothing else without TLS
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_TOTP_TOLERANCE = 1
MFA_TOTP_ISSUER = "Breakglass"
USERSESSIONS_TRACK_ACTIVITY = True
USERSESSIONS_ADAPTER = "accounts.adapter.UserSessionsAdapter"

# Whether a TOTP code may stand in for a passkey before what is irreversible, for people who have no passkey.
STEP_UP_ALLOWS_TOTP: bool = _env.bool("STEP_UP_ALLOWS_TOTP", False)
# Chain ids that Sign-In with Ethereum takes besides the chains that are set up here.
SIGN_IN_CHAIN_IDS = _env.numbers("SIGN_IN_CHAIN_IDS")

# --- API ---
_MANY = 100 if TEST else 1  # the suite calls as one person what a day of people would
# Alerts of one sender to one process: what floods us is told to come again, and others are heard meanwhile.
INBOUND_PER_MINUTE: int = _env.int("INBOUND_PER_MINUTE", 12_000) * _MANY
REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.api.authentication.BearerAuthentication",
        "accounts.api.authentication.BrowserAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.permissions.ReadScoped"],
    "DEFAULT_PAGINATION_CLASS": "accounts.api.pagination.Pages",
    "DEFAULT_RENDERER_CLASSES": ["accounts.api.renderers.AnswerRenderer"],
    "DEFAULT_PARSER_CLASSES": ["accounts.api.renderers.StrictJSONParser"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_THROTTLE_CLASSES": [
        "accounts.api.throttles.CallerThrottle",
        "accounts.api.throttles.StrangerThrottle",
    ],
    "DEFAULT_THROTTLE_RATES": {"caller": f"{1200 * _MANY}/min", "stranger": f"{60 * _MANY}/min"},
    "NUM_PROXIES": 0,  # the server has put the real address in place; a header of the caller's says nothing
    "DEFAULT_SCHEMA_CLASS": "accounts.api.schema.BreakglassSchema",
    "EXCEPTION_HANDLER": "accounts.api.problems.handle",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Breakglass",
    "DESCRIPTION": "The emergency desk of a smart-contract protocol. Errors are RFC 9457 problem details.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": ["drf_spectacular.hooks.postprocess_schema_enums", "accounts.api.schema.any_json"],
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_NAME_OVERRIDES": {
        "EnvironmentEnum": "governance.plans.models.Plan.Environment",
        "ContractRoleEnum": "governance.protocols.models.Contract.Role",
        "ExecutorEnvironmentEnum": "integrations.chain.models.Executor.Environment",
        "AddressStandingEnum": "incidents.addresses.models.BoardAddress.Standing",
        "IncidentRoleEnum": "incidents.roles.models.Role",
        "TaskStatusEnum": "incidents.todo.models.Task.State",
        "UpdateKindEnum": "incidents.updates.models.Update.Kind",
        "RehearsalStatusEnum": "runbooks.rehearsals.models.Rehearsal.State",
        "DeliveryStatusEnum": "notify.deliveries.models.Delivery.State",
        "PageStatusEnum": "notify.pages.models.Page.State",
    },
}
