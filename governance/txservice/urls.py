"""`/safe-tx-service/api/v1|v2/…` for the only chain, `/safe-tx-service/<chain>/api/v1|v2/…` for each.

The last slash may be missing: api-kit leaves it out here and there, and a redirect would lose the body of a DELETE.
"""

from django.urls import URLPattern, re_path
from django.views import View

from governance.txservice import about, views

HASH, ADDRESS, CHAIN = r"(?P<safe_tx_hash>[^/]+)", r"(?P<address>[^/]+)", r"(?:(?P<chain>[-\w]+)/)?api"
BOTH = (1, 2)
ROUTES: tuple[tuple[str, type[View], tuple[int, ...]], ...] = (
    ("about", about.About, BOTH),
    (f"safes/{ADDRESS}", about.SafeInfo, BOTH),
    (f"safes/{ADDRESS}/multisig-transactions", views.Transactions, BOTH),
    (f"multisig-transactions/{HASH}", views.Transaction, BOTH),
    (f"multisig-transactions/{HASH}/confirmations", views.Confirmations, BOTH),
    (f"owners/{ADDRESS}/safes", about.SafesOfOwner, BOTH),
    (f"modules/{ADDRESS}/safes", about.SafesWithModule, BOTH),
    ("delegates", views.Delegates, BOTH),
    (r"delegates/(?P<delegate>[^/]+)", views.Delegate, BOTH),
    ("data-decoder", about.DataDecoder, BOTH),
)

urlpatterns: list[URLPattern] = [
    re_path(rf"^{CHAIN}/v{version}/{route}/?$", view.as_view(), {"version": version})
    for route, view, versions in ROUTES
    for version in versions
]
urlpatterns.append(re_path(r"^.*$", about.Nowhere.as_view()))
