"""What Django applications do, in one file."""

import hashlib

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path

settings.configure(
    SECRET_KEY="of the tests",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=[
        "django.middleware.common.CommonMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
    ],
    LOGGING={
        "version": 1,
        "handlers": {"console": {"class": "logging.StreamHandler"}},
        "loggers": {"django.request": {"handlers": ["console"], "level": "ERROR"}},
    },
    SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
    DEFAULT_CHARSET="utf-8",
    USE_TZ=True,
)


def hello(request):
    return HttpResponse("Hello, World!")


def count(request):
    request.session["count"] = request.session.get("count", 0) + 1
    return JsonResponse({"count": request.session["count"]})


def upload(request):
    digest = hashlib.sha256()
    for chunk in request.FILES["file"].chunks():
        digest.update(chunk)
    return JsonResponse({"name": request.FILES["file"].name, "sha256": digest.hexdigest()})


def stream(request):
    return StreamingHttpResponse(("%s %d\n" % (request.GET["word"], i) for i in range(3)), content_type="text/plain")


def fails(request):
    raise ValueError("on purpose")


urlpatterns = [
    path("", hello),
    path("count", count),
    path("upload", upload),
    path("stream", stream),
    path("fails", fails),
]

application = get_wsgi_application()
