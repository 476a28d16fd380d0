"""Pages of this room."""

from django.urls import path

from notify import views
from notify.audiences import views as ways
from notify.ladders import views as ladders
from notify.pages import views as pages
from notify.rotations import views as rotations
from notify.subscribers import views as subscribers
from notify.ways import views as own

app_name = "notify"
urlpatterns = [
    path("status/subscribe/", subscribers.subscribe, name="subscribe"),
    path("status/confirm/<str:token>/", subscribers.confirm, name="subscribe-confirm"),
    path("status/leave/<str:token>/", subscribers.leave, name="subscribe-leave"),
    path("accounts/me/ways/", own.ways, name="ways"),
    path("accounts/me/ways/add/", own.add, name="add-way"),
    path("accounts/me/ways/<int:pk>/", own.way, name="way"),
    path("accounts/me/ways/<int:pk>/edit/", own.edit, name="edit-way"),
    path("accounts/me/ways/<int:pk>/switch/", own.switch, name="switch-way"),
    path("accounts/me/ways/<int:pk>/test/", own.test, name="test-way"),
    path("accounts/me/ways/<int:pk>/remove/", own.remove, name="remove-way"),
    path("notify/", views.messages, name="messages"),
    path("notify/pages/", pages.index, name="pages"),
    path("notify/pages/<int:pk>/", pages.one, name="page"),
    path("notify/pages/<int:pk>/ack/", pages.ack, name="ack"),
    path("notify/pages/<int:pk>/resolve/", pages.resolve, name="resolve"),
    path("notify/on-call/", rotations.index, name="rotations"),
    path("notify/on-call/new/", rotations.new, name="new-rotation"),
    path("notify/on-call/<slug:slug>/", rotations.one, name="rotation"),
    path("notify/on-call/<slug:slug>/edit/", rotations.edit, name="edit-rotation"),
    path("notify/on-call/<slug:slug>/remove/", rotations.remove, name="remove-rotation"),
    path("notify/on-call/<slug:slug>/stand-in/", rotations.stand_in, name="stand-in"),
    path("notify/overrides/<int:pk>/take-back/", rotations.take_back, name="take-back"),
    path("notify/ladders/", ladders.index, name="ladders"),
    path("notify/ladders/new/", ladders.new, name="new-ladder"),
    path("notify/ladders/<slug:slug>/", ladders.one, name="ladder"),
    path("notify/ladders/<slug:slug>/edit/", ladders.edit, name="edit-ladder"),
    path("notify/ladders/<slug:slug>/remove/", ladders.remove, name="remove-ladder"),
    path("ack/<str:token>/", pages.ack_link, name="ack-link"),
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
