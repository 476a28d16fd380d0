"""Pages of this room."""

from django.urls import path

from ledger import views

app_name = "ledger"
urlpatterns = [path("ledger/", views.record, name="record")]
