"""What can be sent with each call: one form for query, multipart, urlencoded and JSON alike."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any, ClassVar

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.validators import RegexValidator
from django.http import QueryDict
from rest_framework import serializers
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request

from recognition.api.fields import (
    BoxField,
    FiniteField,
    MetadataField,
    PictureField,
    PicturesField,
    StrictBooleanField,
)
from recognition.consent import BASES, CONSENT_FIELDS, LONGEST_VERSION
from recognition.decisions import Wanted
from recognition.models import (
    DEFAULT_GALLERY,
    GALLERY_NAME,
    GREATEST_RATE,
    LEAST_RATE,
    USER_ID,
    USER_ID_RULE,
)
from recognition.services import RegisterOptions
from recognition.services.results import Selection

SMALLEST_FACE, LARGEST_FACE = 20, 400  # px
MOST_MATCHES, MOST_CANDIDATES = 50, 20
LONGEST_NAME = 200  # Subject.display_name
LARGEST_PAGE = 200
MOST_NAMED, LONGEST_NAMED = 10, 64  # unknown fields, and characters of them, in an answer
CSRF_FIELD = "csrfmiddlewaretoken"  # Django's, in every form that a browser sends


class Form(serializers.Serializer):
    """A request's fields, each to be sent in the query, a form or JSON.

    A field that is not known is refused, so that ``treshold=0.9`` does not pass for a threshold;
    so is one that is sent twice with different values.
    """

    in_json = False
    json_example: ClassVar[dict[str, Any]] = {}

    @classmethod
    def read(cls, request: Request) -> dict[str, Any]:
        """Return what ``request`` holds, None for what was left out, or raise ValidationError."""
        form = cls._valid(request)
        return dict.fromkeys(form.fields) | form.validated_data

    @classmethod
    def read_sent(cls, request: Request) -> dict[str, Any]:
        """Return what ``request`` holds and nothing else: a null in it is an order."""
        return dict(cls._valid(request).validated_data)

    @classmethod
    def _valid(cls, request: Request) -> Form:
        form = cls()
        form.in_json = (request.content_type or "").startswith("application/json")
        sent, names = values_sent(request), form.names()
        form.refuse_unknown(sent, names)
        form.initial_data = {
            names[name]: form.one_value(names[name], values)
            for name, values in sent.items()
            if values
        }
        if not form.is_valid():
            shown = {field: name for name, field in names.items()}
            raise serializers.ValidationError({shown[f]: said for f, said in form.errors.items()})
        return form

    def names(self) -> dict[str, str]:
        """Return the field behind each name that may be sent; pictures have others in JSON."""
        return {
            getattr(field, "json_name", name) if self.in_json else name: name
            for name, field in self.fields.items()
        }

    def refuse_unknown(self, sent: Iterable[str], names: dict[str, str]) -> None:
        unknown = [name for name in sent if name not in names][:MOST_NAMED]
        unknown = {name[:LONGEST_NAMED]: [self._nearest(name, names)] for name in unknown}
        if unknown:
            raise serializers.ValidationError(unknown)

    def _nearest(self, name: str, names: dict[str, str]) -> str:
        near = difflib.get_close_matches(name[:LONGEST_NAMED], names, 1)
        if not near and name.startswith(("image", "file", "photo", "picture")):
            near = [n for n, f in names.items() if isinstance(self.fields[f], PictureField)]
        meant = f"Did you mean {near[0]}?" if near else f"Known are {', '.join(sorted(names))}."
        return f"There is no such field here. {meant}"

    def one_value(self, name: str, values: list[Any]) -> Any:
        """Return the one value of a field, or all pictures where several may be sent."""
        if isinstance(self.fields[name], PicturesField):
            return [v for value in values for v in (value if isinstance(value, list) else [value])]
        files = [value for value in values if isinstance(value, UploadedFile)]
        if len(files) > 1 or len({str(value) for value in values}) > 1:
            said = "One picture is wanted." if files else "It was sent twice, with two values."
            raise serializers.ValidationError({name: [said]})
        return values[0]

    @classmethod
    def json_template(cls) -> dict[str, Any]:
        """Return a JSON body to start from, as the browsable API shows it."""
        return cls.json_example or {
            getattr(field, "json_name", name): "" if field.required else None
            for name, field in cls().fields.items()
        }


def _body(request: Request) -> Any:
    return {} if request.method in SAFE_METHODS else request.data


def values_sent(request: Request) -> dict[str, list[Any]]:
    """Return every value under its name, query and body together.

    What is left empty in a form or null in JSON counts as not sent. Only in a PATCH is null an
    order: it takes a date back, and no other field knows it.
    """
    body = _body(request)
    if not isinstance(body, dict):
        raise serializers.ValidationError({"request": ["Send a JSON object."]})
    sent: dict[str, list[Any]] = {}
    forms = [request.query_params, *([body] if isinstance(body, QueryDict) else [])]
    for form in forms:
        for name, values in form.lists():
            sent.setdefault(name, []).extend(value for value in values if value != "")
    if not isinstance(body, QueryDict):
        for name, value in body.items():
            if value is not None or request.method == "PATCH":
                sent.setdefault(name, []).append(value)
    sent.pop(CSRF_FIELD, None)
    return sent


def whole(least: int, most: int, text: str, **options: Any) -> serializers.IntegerField:
    return serializers.IntegerField(
        required=False, min_value=least, max_value=most, help_text=text, **options
    )


def matching(pattern: str, rule: str) -> serializers.CharField:
    """Return a text field for the anchored ``pattern``."""
    rules = [RegexValidator(pattern, f"It must be {rule}.")]
    return serializers.CharField(validators=rules, trim_whitespace=False, help_text=rule)


def user_id() -> serializers.CharField:
    return matching(USER_ID.pattern, USER_ID_RULE)


def gallery() -> serializers.CharField:
    return serializers.CharField(
        required=False,
        default=DEFAULT_GALLERY,
        max_length=LONGEST_NAME,
        help_text="The people meant; default by default.",
    )


def face(which: str = "") -> serializers.IntegerField:
    of = f" in file{which}" if which else ""
    return whole(0, 10_000, f"Which face is meant{of}: its place, the largest is 0.")


def box(which: str = "") -> BoxField:
    of = f" of file{which}" if which else ""
    text = f"Look for a face inside x,y,width,height{of} only (pixels of the upright picture)."
    return BoxField(required=False, help_text=text)


def min_face_size() -> serializers.IntegerField:
    text = f"Smallest face in pixels; {settings.FACE_MIN_SIZE} by default."
    return whole(SMALLEST_FACE, LARGEST_FACE, text)


def threshold() -> FiniteField:
    text = "Smallest similarity that is a match; by the measured error rate when left out."
    return FiniteField(required=False, min_value=-1, max_value=1, help_text=text)


def target(rate: str) -> FiniteField:
    text = f"The {rate} to decide at: the threshold follows from it. Not together with threshold."
    return FiniteField(
        required=False, min_value=LEAST_RATE, max_value=GREATEST_RATE, help_text=text
    )


def wanted(sent: dict[str, Any], name: str) -> Wanted:
    """Return what a decision is asked to follow; ``name``: the field of the error rate."""
    if sent["threshold"] is not None and sent[name] is not None:
        said = f"Send threshold or {name}, not both."
        raise serializers.ValidationError({name: [said]})
    return Wanted(sent["threshold"], sent[name])


def truth(text: str) -> StrictBooleanField:
    return StrictBooleanField(required=False, default=False, help_text=text)


def display_name() -> serializers.CharField:
    return serializers.CharField(
        required=False, max_length=LONGEST_NAME, allow_blank=True, help_text="For people to read."
    )


def metadata() -> MetadataField:
    return MetadataField(required=False, help_text="A JSON object, 8 KB at most.")


def selection(sent: dict[str, Any], which: str = "") -> Selection:
    """Return which face is meant; ``which``: the number of the picture in ``/compare``."""
    chosen, area = sent[f"face{which}"], sent[f"box{which}"]
    if chosen is not None and area is not None:
        said = f"Send face{which} or box{which}, not both."
        raise serializers.ValidationError({f"face{which}": [said]})
    return Selection(chosen, area, sent["min_face_size"])


def register_options(sent: dict[str, Any]) -> RegisterOptions:
    """Return what a ``RegisterForm`` asked for."""
    names = ("display_name", "metadata", "replace", "dry_run", "on_duplicate")
    chosen = {name: sent[name] for name in names}
    consent = {name: sent[name] for name in CONSENT_FIELDS if sent[name] is not None}
    return RegisterOptions(**chosen, consent=consent, selection=selection(sent))


class GalleryForm(Form):
    """What every call takes."""

    gallery = gallery()

    def get_fields(self) -> dict[str, serializers.Field]:
        """Return the fields, the one that is seldom sent at the end."""
        fields = super().get_fields()
        fields["gallery"] = fields.pop("gallery")
        return fields


def day(text: str, **options: Any) -> serializers.DateField:
    return serializers.DateField(
        required=False, input_formats=["%Y-%m-%d"], help_text=text, **options
    )


GIVEN = "The day on which consent was given; today when lawful_basis becomes consent without it."
EXPIRES = "The last day on which the consent holds."
RETAIN = "The last day on which this person is kept; the daily purge erases them after it."


class ConsentForm(GalleryForm):
    """On what ground somebody is known, and for how long."""

    lawful_basis = serializers.ChoiceField(
        BASES, required=False, help_text="With CONSENT_REQUIRED, consent alone will do."
    )
    consent_version = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=LONGEST_VERSION,
        help_text="Which text was agreed to.",
    )
    consent_given = day(GIVEN)
    consent_expires = day(EXPIRES)
    retain_until = day(RETAIN)

    def get_fields(self) -> dict[str, serializers.Field]:
        """Return the fields, these at the end and the gallery after them."""
        fields = super().get_fields()
        for name in (*CONSENT_FIELDS, "gallery"):
            fields[name] = fields.pop(name)
        return fields


class RegisterForm(ConsentForm):
    user_id = user_id()
    file = PicturesField(
        json_name="images",
        help_text=f"1 to {settings.MAX_IMAGES} photographs of one person.",
        style={"template": "rest_framework/horizontal/files.html"},
    )
    display_name = display_name()
    metadata = metadata()
    replace = truth("Erase the references there are; wants the scope delete too.")
    dry_run = truth("Say what would happen, and change nothing.")
    on_duplicate = serializers.ChoiceField(
        ["flag", "reject"],
        default="flag",
        help_text="What to do about a face that is known by another user_id.",
        error_messages={"invalid_choice": "Send flag or reject."},
    )
    face = face()
    box = box()
    min_face_size = min_face_size()


class VerifyForm(GalleryForm):
    user_id = user_id()
    file = PictureField(json_name="image", help_text="A photograph of who claims to be that user.")
    threshold = threshold()
    target_fmr = target("false match rate")
    face = face()
    box = box()
    min_face_size = min_face_size()


class CompareForm(GalleryForm):
    file1 = PictureField(json_name="image1", help_text="One photograph.")
    file2 = PictureField(json_name="image2", help_text="The other.")
    threshold = threshold()
    target_fmr = target("false match rate")
    face1 = face("1")
    face2 = face("2")
    box1 = box("1")
    box2 = box("2")
    min_face_size = min_face_size()


class IdentifyForm(GalleryForm):
    file = PictureField(json_name="image", help_text="A photograph; every face in it is searched.")
    limit = whole(1, MOST_MATCHES, "Most matches of one face; 5 by default.", default=5)
    threshold = threshold()
    target_fpir = target("share of strangers named")
    candidates = whole(
        1, MOST_CANDIDATES, "Also list so many nearest people; wants the scope read too."
    )
    min_face_size = min_face_size()
    live = truth("A frame of a video: the same decision is written down once in 30 seconds.")


class DetectForm(GalleryForm):
    file = PictureField(json_name="image", help_text="A photograph.")
    min_face_size = min_face_size()


class UsersForm(GalleryForm):
    search = serializers.CharField(
        required=False, max_length=LONGEST_NAME, help_text="Part of a user_id or display name."
    )
    page = whole(1, 1_000_000_000, "From 1.", default=1)
    page_size = whole(1, LARGEST_PAGE, "50 by default.", default=50)


class UserForm(ConsentForm):
    display_name = display_name()
    metadata = metadata()
    json_example: ClassVar[dict[str, Any]] = {"active": True}
    active = StrictBooleanField(required=False, help_text="Inactive people are never matched.")
    consent_given = day(f"{GIVEN} Null takes it back.", allow_null=True)
    consent_expires = day(f"{EXPIRES} Null: it has no end.", allow_null=True)
    retain_until = day(f"{RETAIN} Null takes it back.", allow_null=True)


class NewGalleryForm(Form):
    name = matching(GALLERY_NAME.pattern, "1 to 64 characters out of a-z 0-9 - _")


class DeleteGalleryForm(Form):
    force = truth("Erase the people in it, too.")
