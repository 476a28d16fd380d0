"""`/safe-tx-service/api/v1|v2/…` for the only chain, `/safe-tx-service/<chain>/api/v1|v2/…` for each.

The last slash may be missing: api-kit leaves it out here and there, and a redirect would lose the body of a DELETE.
"""

from django.urls import URLPattern, path, register_converter

from governance.txservice import about, views


class Slash:
    regex = "/?"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


class Version:
    regex = "[12]"

    def to_python(self, value: str) -> int:
        return int(value)

    def to_url(self, value: int) -> str:
        return str(value)


register_converter(Slash, "slash")
register_converter(Version, "version")
ROUTES = {
    "about": about.About,
    "safes/<str:address>": about.SafeInfo,
    "safes/<str:address>/multisig-transactions": views.Transactions,
    "multisig-transactions/<str:safe_tx_hash>": views.Transaction,
    "multisig-transactions/<str:safe_tx_hash>/confirmations": views.Confirmations,
    "owners/<str:address>/safes": about.SafesOfOwner,
    "modules/<str:address>/safes": about.SafesWithModule,
    "delegates": views.Delegates,
    "delegates/<str:delegate>": views.Delegate,
    "data-decoder": about.DataDecoder,
}
urlpatterns: list[URLPattern] = [
    path(f"api/v<version:version>/{route}<slash:end>", view.as_view()) for route, view in ROUTES.items()
]
urlpatterns.append(path("api/<path:rest>", about.Nowhere.as_view()))
