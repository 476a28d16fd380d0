"""Pages of this room."""

from django.urls import path

from notify import views
from notify.audiences import views as ways
from notify.subscribers import views as subscribers

app_name = "notify"
urlpatterns = [
    path("status/subscribe/", subscribers.subscribe, name="subscribe"),
    path("status/confirm/<str:token>/", subscribers.confirm, name="subscribe-confirm"),
    path("status/leave/<str:token>/", subscribers.leave, name="subscribe-leave"),
    path("notify/", views.messages, name="messages"),
    path("notify/messages/<int:pk>/", views.message, name="message"),
    path("notify/deliveries/<int:pk>/resend/", views.resend, name="resend"),
    path("notify/audiences/", ways.audiences, name="audiences"),
    path("notify/audiences/add/", ways.add_audience, name="add-audience"),
    path("notify/audiences/<slug:slug>/", ways.audience, name="audience"),
    path("notify/audiences/<slug:slug>/destinations/", ways.add_destination, name="add-destination"),
    path("notify/destinations/<int:pk>/", ways.destination, name="destination"),
    path("notify/destinations/<int:pk>/edit/", ways.edit_destination, name="edit-destination"),
    path("notify/destinations/<int:pk>/switch/", ways.switch_destination, name="switch-destination"),
    path("notify/destinations/<int:pk>/test/", ways.test_destination, name="test-destination"),
    path("notify/destinations/<int:pk>/change-key/", ways.change_key, name="change-key"),
    path("notify/destinations/<int:pk>/settle-key/", ways.settle_key, name="settle-key"),
]
