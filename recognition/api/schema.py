"""The API's description (OpenAPI): what each call takes and answers, from forms and serializers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiResponse,
    extend_schema,
    extend_schema_field,
    extend_schema_serializer,
)
from rest_framework import serializers

from recognition.api.examples import ANSWERS, PROBLEM, SAMPLES
from recognition.api.fields import (
    JSON_IMAGE,
    JSON_IMAGES,
    JSON_OBJECT,
    MetadataField,
    PictureField,
    PicturesField,
)
from recognition.api.forms import Form
from recognition.api.problems import MEDIA_TYPE
from recognition.errors import PROBLEMS

FORM_TYPES = ("multipart/form-data", "application/x-www-form-urlencoded")
JPEG = ZIP = {"type": "string", "format": "binary"}
WITHOUT_BODY = ("get", "delete")
# What every call that wants a key can answer.
COMMON = (
    "invalid_request",
    "not_authenticated",
    "permission_denied",
    "address_not_allowed",
    "rate_limited",
    "internal_error",
)
USERS = (
    "list_users", "show_user", "update_user", "unregister", "delete_reference", "show_crop",
    "export_user",
)  # fmt: skip
GALLERIES = ("list_galleries", "create_gallery", "delete_gallery")
TAGS = {
    **dict.fromkeys(USERS, "users"),
    **dict.fromkeys(GALLERIES, "galleries"),
    **dict.fromkeys(("health", "health_ready"), "health"),
}
DESCRIPTION = """Register, verify and identify faces on your own machine.

Send a key in `X-API-Key: KEY` or `Authorization: Api-Key KEY`. Every call takes its fields in the
query, in a form, or as JSON with pictures in base64. Every answer carries `X-Request-ID`.

Errors are `application/problem+json` (RFC 9457); `code` is one of:

"""

Answers = Mapping[Any, Any]


class ProblemSerializer(serializers.Serializer):
    """What is wrong, and what to do about it (RFC 9457)."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.ChoiceField(list(PROBLEMS))
    detail = serializers.CharField()
    hint = serializers.CharField()
    request_id = serializers.CharField()
    errors = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField()), required=False
    )
    measured = serializers.JSONField(required=False)
    limit = serializers.JSONField(required=False)
    retry_after = serializers.IntegerField(required=False, help_text="Seconds.")
    rejected = serializers.ListField(child=serializers.DictField(), required=False)
    reasons = serializers.ListField(child=serializers.DictField(), required=False)
    possible_duplicates = serializers.ListField(child=serializers.DictField(), required=False)
    decision_id = serializers.IntegerField(required=False, help_text="For GET /decisions/{id}.")


def documented(
    operation_id: str,
    form: type[Form],
    answers: Answers,
    *,
    errors: Sequence[str] = (),
    needs_key: bool = True,
) -> Callable[[Any], Any]:
    """Describe a view's method: its form as query or body, its answers, the codes of its errors."""

    def describe(method: Any) -> Any:
        in_query = method.__name__ in WITHOUT_BODY
        codes = dict.fromkeys((*(COMMON if needs_key else ()), *errors))
        examples = [*ANSWERS.get(operation_id, ()), *([PROBLEM] if codes else ())]
        return extend_schema(
            operation_id=operation_id,
            parameters=[form] if in_query and form().get_fields() else None,
            request=None if in_query else _bodies(form),
            responses={**_described(answers), **_problems(codes)},
            examples=examples if in_query else [_request_example(form), *examples],
            tags=[TAGS.get(operation_id, "faces")],
            auth=None if needs_key else [],
        )(method)

    return describe


def _described(answers: Answers) -> dict[Any, Any]:
    """Return the answers with their words, where some were given."""
    return {
        status: OpenApiResponse(answer[0], description=answer[1])
        if isinstance(answer, tuple)
        else answer
        for status, answer in answers.items()
    }


def _problems(codes: Sequence[str] | Mapping[str, Any]) -> dict[Any, OpenApiResponse]:
    by_status: dict[int, list[str]] = {}
    for code in codes:
        by_status.setdefault(PROBLEMS[code].status, []).append(code)
    return {
        (status, MEDIA_TYPE): OpenApiResponse(
            ProblemSerializer,
            description=" ".join(f"`{code}`: {PROBLEMS[code].title}." for code in found),
        )
        for status, found in sorted(by_status.items())
    }


def _bodies(form: type[Form]) -> dict[str, Any]:
    pictures = any(isinstance(field, PictureField) for field in form().fields.values())
    kinds = FORM_TYPES[:1] if pictures else FORM_TYPES
    return {**dict.fromkeys(kinds, form), "application/json": json_form(form)}


@cache
def json_form(form: type[Form]) -> type[serializers.Serializer]:
    """Return ``form`` as it is sent in JSON: pictures as texts, under their own names."""
    fields = {
        getattr(field, "json_name", name): _in_json(field)
        for name, field in form().get_fields().items()
    }
    name = form.__name__.replace("Form", "")
    twin = type(f"{name}JsonSerializer", (serializers.Serializer,), fields)
    return extend_schema_serializer(component_name=f"{name}Json")(twin)


@extend_schema_field(JSON_IMAGE)
class JsonPicture(serializers.CharField):
    """A picture in JSON."""


@extend_schema_field(JSON_IMAGES)
class JsonPictures(serializers.CharField):
    """Several pictures in JSON."""


@extend_schema_field(JSON_OBJECT)
class JsonMetadata(serializers.CharField):
    """Metadata in JSON, where they need not be a text."""


IN_JSON = {
    PictureField: JsonPicture,
    PicturesField: JsonPictures,
    MetadataField: JsonMetadata,
}


def _in_json(field: serializers.Field) -> serializers.Field:
    if type(field) not in IN_JSON:
        return field
    return IN_JSON[type(field)](required=field.required, help_text=field.help_text)


def _request_example(form: type[Form]) -> OpenApiExample:
    """Return the least that can be sent as JSON, for Swagger UI to begin with."""
    needed = [n for n, field in json_form(form)().fields.items() if field.required]
    value = form.json_example or {name: SAMPLES[name] for name in needed}
    return OpenApiExample("json", value, request_only=True, media_type="application/json")


def root_paths_only(endpoints: list[Any], **_: Any) -> list[Any]:
    """Leave out the same calls under /api/v1/: operation ids are unique (a preprocessing hook)."""
    return [endpoint for endpoint in endpoints if not endpoint[0].startswith("/api/")]


def with_codes(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Put the list of all error codes into the description (a hook after the rest, as below)."""
    rows = [f"| `{code}` | {p.status} | {p.title}. {p.remedy} |" for code, p in PROBLEMS.items()]
    table = "\n".join(["| code | status | meaning, and what to do |", "|---|---|---|", *rows])
    result["info"]["description"] = DESCRIPTION + table
    return result


def empty_is_not_sent(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Let optional texts of forms and queries be empty, which counts as not sent."""
    for name, component in result["components"]["schemas"].items():
        if not name.endswith("Json"):
            required = component.get("required", [])
            for field, described in component.get("properties", {}).items():
                if field not in required:
                    described.pop("minLength", None)
    for methods in result["paths"].values():
        for operation in methods.values():
            for parameter in operation.get("parameters", []):
                if not parameter.get("required"):
                    parameter["schema"].pop("minLength", None)
    return result


class ApiKeyScheme(OpenApiAuthenticationExtension):
    """A key in either of two headers."""

    target_class = "recognition.api.authentication.ApiKeyAuthentication"
    name = ["X-API-Key", "Authorization"]

    def get_security_requirement(self, auto_schema: Any) -> list[dict[str, list[Any]]]:
        return [{name: []} for name in self.name]

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, str]]:
        header = {"type": "apiKey", "in": "header"}
        return [
            {**header, "name": "X-API-Key"},
            {**header, "name": "Authorization", "description": "Api-Key KEY"},
        ]


class StaffSessionScheme(OpenApiAuthenticationExtension):
    """The session of somebody who signed in to the admin."""

    target_class = "recognition.api.authentication.StaffSessionAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": "sessionid",
            "description": "Of signed-in staff; other calls than GET want X-CSRFToken too.",
        }
