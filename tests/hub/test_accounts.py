"""Accounts of the local Hub: who a token belongs to, what it may see, and when it stops to work."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from huggingface_hub import HfApi

from .openapi import validate


def test_whoami_is_as_documented(http_for, local_hub, reference_data: Path) -> None:
    tokens = [local_hub.token("ada"), local_hub.token("poor"), local_hub.add_token("ada", role="read", expires_in=60)]
    for scopes in ("openid profile", "email read-billing", "read-billing read-memberships"):
        tokens.append(local_hub.add_token("ada", scopes=scopes, orgs=["acme"], expires_in=600))
    for token in tokens:
        answer = http_for(token=token).get("/api/whoami-v2")
        validate(reference_data, "GET", "/api/whoami-v2", answer.status_code, answer.json())


def test_the_documents_are_really_compared(reference_data: Path) -> None:
    with pytest.raises(AssertionError, match="'name' is a required property"):
        validate(reference_data, "GET", "/api/whoami-v2", 200, {"type": "user"})
    with pytest.raises(AssertionError, match="has no GET"):
        validate(reference_data, "GET", "/api/no-such-thing/at/all", 200, {})


def test_whoami_says_who_and_with_what(http_for) -> None:
    who = http_for("ada").get("/api/whoami-v2").json()
    assert (who["type"], who["name"], who["fullname"]) == ("user", "ada", "Ada Lovelace")
    assert who["auth"]["type"] == "access_token"
    assert who["auth"]["accessToken"]["role"] == "write"
    assert [(org["name"], org["roleInOrg"], org["canPay"]) for org in who["orgs"]] == [("acme", "admin", True)]
    poor = http_for("poor").get("/api/whoami-v2").json()
    assert poor["canPay"] is False
    assert poor["orgs"] == []


def test_the_official_client_reads_it(local_hub, unique_name) -> None:
    club = unique_name()
    local_hub.add_org(club, {"grace": "admin"})
    api = HfApi(token=local_hub.token("ada"))
    assert api.whoami()["name"] == "ada"
    overview = api.get_user_overview("grace")
    assert (overview.username, overview.fullname) == ("grace", "Grace Hopper")
    assert [org.name for org in api.get_user_overview("ada").orgs] == ["acme"]
    assert api.get_organization_overview(club).num_users == 1
    assert [user.username for user in api.list_organization_members(club)] == ["grace"]


def test_an_unknown_token_is_not_anonymous(http_for, local_hub) -> None:
    assert http_for(None).get("/api/whoami-v2").status_code == 401
    assert http_for(token="hf_nobody").get("/api/whoami-v2").status_code == 401
    # Also where an anonymous caller would get an answer.
    assert http_for(None).get("/api/models").status_code == 200
    assert http_for(token="hf_nobody").get("/api/models").status_code == 401
    assert http_for(token="hf_nobody").get("/api/users/ada/overview").status_code == 401
    with pytest.raises(Exception, match="Invalid user token"):
        HfApi(token="hf_nobody").whoami()


def test_a_token_expires_and_is_revoked(http_for, local_hub) -> None:
    short = local_hub.add_token("ada", expires_in=1.0)
    revoked = local_hub.add_token("ada")
    assert http_for(token=short).get("/api/whoami-v2").status_code == 200
    assert http_for(token=revoked).get("/api/whoami-v2").status_code == 200
    local_hub.revoke(revoked)
    assert http_for(token=revoked).get("/api/whoami-v2").status_code == 401
    time.sleep(1.1)
    assert http_for(token=short).get("/api/whoami-v2").status_code == 401
    assert http_for("ada").get("/api/whoami-v2").status_code == 200


def test_scopes_decide_what_an_app_learns(http_for, local_hub) -> None:
    def whoami(scopes: str, orgs: list[str]) -> dict:
        token = local_hub.add_token("ada", scopes=scopes, orgs=orgs, expires_in=600)
        return http_for(token=token).get("/api/whoami-v2").json()

    least = whoami("openid profile", [])
    assert not {"email", "emailVerified", "canPay", "billingMode", "periodEnd"} & set(least)
    assert least["orgs"] == []
    assert least["auth"]["expiresAt"].endswith("Z")
    assert "accessToken" not in least["auth"]
    assert whoami("openid profile email", [])["email"] == "ada@example.com"
    assert whoami("openid profile read-billing", [])["canPay"] is True
    listed = whoami("openid profile read-billing read-memberships", [])["orgs"]
    assert [org["name"] for org in listed] == ["acme"]
    assert "canPay" not in listed[0], "an organisation that was not granted does not show its billing"
    granted = whoami("openid profile read-billing", ["acme"])["orgs"]
    assert [(org["name"], org["canPay"]) for org in granted] == [("acme", True)]


def test_overviews_and_members(http_for, local_hub, unique_name) -> None:
    anonymous, grace = http_for(None), http_for("grace")
    club = unique_name()
    local_hub.add_org(club, {"grace": "admin"})
    path = f"/api/organizations/{club}/members"
    assert [member["user"] for member in anonymous.get(path).json()] == ["grace"]
    assert "role" not in anonymous.get(path).json()[0]
    assert grace.get(path).json()[0]["role"] == "admin"
    assert grace.get(path, params={"search": "zzz"}).json() == []
    assert anonymous.get("/api/users/nobody/overview").status_code == 404
    assert anonymous.get("/api/users/acme/overview").status_code == 404, "an organisation is not a user"


def test_overviews_and_members_are_as_documented(http_for, reference_data: Path) -> None:
    paths = ["/api/users/ada/overview", "/api/users/poor/overview", "/api/users/ada/avatar"]
    for path in [*paths, "/api/organizations/acme/avatar", "/api/organizations/acme/members"]:
        for who in (None, "ada"):
            validate(reference_data, "GET", path, 200, http_for(who).get(path).json())


def test_pictures(http_for) -> None:
    http = http_for(None)
    url = http.get("/api/users/ada/avatar").json()["avatarUrl"]
    picture = http.get(url)
    assert picture.status_code == 200
    assert picture.headers["content-type"] == "image/svg+xml"
    assert ">AL</text>" in picture.text
    moved = http.get("/api/organizations/acme/avatar", headers={"Sec-Fetch-Dest": "image"})
    assert moved.status_code == 302
    assert http.get("/avatars/nothing.svg").status_code == 404


def test_telemetry_is_swallowed(http_for) -> None:
    http = http_for(None)
    assert http.head("/api/telemetry/hf_hub/push").status_code == 200
    assert http.get("/api/agent-harnesses").json() == {}
