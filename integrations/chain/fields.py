"""Model fields: exact 256-bit integers, checksummed addresses, lowercase hashes, and text that is sealed at rest."""

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from integrations.chain.addresses import MAX_UINT256, parse_address, parse_hash, parse_uint
from integrations.sealing import seal, unseal
from ledger.errors import Invalid

T = TypeVar("T")
_ST = TypeVar("_ST")
_GT = TypeVar("_GT")
if TYPE_CHECKING:

    class _IntField(models.Field[_ST, _GT]):
        _pyi_private_set_type: int | str
        _pyi_private_get_type: int

    class _TextField(models.CharField[_ST, _GT]):
        pass

    class _LongTextField(models.TextField[_ST, _GT]):
        pass

else:  # the stubs' fields are generic, Django's own are not

    class _IntField(models.Field):
        __class_getitem__ = classmethod(lambda cls, _: cls)

    class _TextField(models.CharField):
        __class_getitem__ = classmethod(lambda cls, _: cls)

    class _LongTextField(models.TextField):
        __class_getitem__ = classmethod(lambda cls, _: cls)


def _clean(parse: Callable[[Any], T], value: object) -> T:
    """A parser's Invalid as the ValidationError that Django's forms and models expect."""
    try:
        return parse(value)
    except Invalid as error:
        raise ValidationError(f"{error.message} Expected: {error.hint}.") from error


class Uint256Field(_IntField[_ST, _GT]):
    """NUMERIC(78,0) in PostgreSQL, int in Python; the database refuses what is not a uint256."""

    description = "unsigned 256-bit integer"

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "numeric(78, 0)"

    def db_check(self, connection: BaseDatabaseWrapper) -> str:
        column = connection.ops.quote_name(str(self.column))
        return f"{column} >= 0 AND {column} <= {MAX_UINT256}"

    def from_db_value(self, value: Decimal | None, *_: object) -> int | None:
        return None if value is None else int(value)

    def to_python(self, value: object) -> Any:
        if value is None:
            return None
        return _clean(parse_uint, int(value) if isinstance(value, Decimal) and value == int(value) else value)

    def get_prep_value(self, value: Any) -> Any:
        value = super().get_prep_value(value)
        if value is None or hasattr(value, "resolve_expression"):
            return value
        return Decimal(self.to_python(value))

    def value_to_string(self, obj: models.Model) -> str:
        value = self.value_from_object(obj)
        return "" if value is None else str(value)


class _HexField(_TextField[_ST, _GT]):
    """Text with one spelling: whatever is assigned is stored, and looked up, in the house's own."""

    LENGTH = 0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["max_length"] = self.LENGTH
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        kwargs.pop("max_length", None)
        return name, path, args, kwargs

    def parse(self, value: object) -> str:
        raise NotImplementedError

    def to_python(self, value: object) -> Any:
        if value is None or (value == "" and self.blank):
            return value
        return _clean(self.parse, value)

    def get_prep_value(self, value: Any) -> Any:
        value = models.Field.get_prep_value(self, value)
        return value if value is None or hasattr(value, "resolve_expression") else self.to_python(value)

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        value = super().pre_save(model_instance, add)
        if isinstance(value, str):
            value = self.to_python(value)
            setattr(model_instance, self.attname, value)
        return value


class AddressField(_HexField[_ST, _GT]):
    """A checksummed address (EIP-55)."""

    description = "address"
    LENGTH = 42

    def parse(self, value: object) -> str:
        return parse_address(value, self.name or "address")


class HashField(_HexField[_ST, _GT]):
    """A 32-byte hash, 0x and lowercase."""

    description = "32-byte hash"
    LENGTH = 66

    def parse(self, value: object) -> str:
        return parse_hash(value, self.name or "hash")


class SealedTextField(_LongTextField[_ST, _GT]):
    """Plain in Python, sealed in the database for one purpose. It cannot be searched for."""

    description = "sealed text"

    def __init__(self, *args: Any, purpose: str = "", **kwargs: Any) -> None:
        self.purpose = purpose
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, {**kwargs, "purpose": self.purpose}

    def from_db_value(self, value: str | None, *_: object) -> str | None:
        return unseal(value, self.purpose) if value else value

    def get_prep_value(self, value: Any) -> Any:
        value = super().get_prep_value(value)
        return value if not value or hasattr(value, "resolve_expression") else seal(str(value), self.purpose)

    def get_lookup(self, lookup_name: str) -> Any:
        """Sealing the same text twice gives two texts: a search would silently find nothing."""
        return super().get_lookup(lookup_name) if lookup_name == "isnull" else None
