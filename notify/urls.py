"""Pages of this room."""

from django.urls import path

from notify import views

app_name = "notify"
urlpatterns = [
    path("notify/", views.messages, name="messages"),
    path("notify/messages/<int:pk>/", views.message, name="message"),
    path("notify/deliveries/<int:pk>/resend/", views.resend, name="resend"),
    path("notify/audiences/", views.audiences, name="audiences"),
    path("notify/audiences/add/", views.add_audience, name="add-audience"),
    path("notify/audiences/<slug:slug>/", views.audience, name="audience"),
    path("notify/audiences/<slug:slug>/destinations/", views.add_destination, name="add-destination"),
    path("notify/destinations/<int:pk>/", views.switch_destination, name="switch-destination"),
]
