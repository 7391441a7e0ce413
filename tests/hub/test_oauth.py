"""Signing in with the local Hub: the whole code flow as a browser and an app see it, and every way it may fail."""

from __future__ import annotations

import base64
import hashlib
import re
import time
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient
from huggingface_hub import attach_huggingface_oauth, constants, parse_huggingface_oauth
from joserfc import jwk, jwt

from .openapi import validate

CLIENT, SECRET = "test-app", "test-secret"
CALLBACK = "http://127.0.0.1:7999/login/callback?_target_url=/%3Fmodel%3Da"
SCOPE = "openid profile email read-repos jobs read-billing"


class App:
    """An app that lets people sign in, and the browser they do it with."""

    def __init__(self, hub, http: httpx.Client) -> None:
        self.hub, self.http = hub, http

    def page(self, **query: str) -> httpx.Response:
        """The consent page, or what came instead."""
        asked = {
            "response_type": "code",
            "client_id": CLIENT,
            "redirect_uri": CALLBACK,
            "scope": SCOPE,
            "state": "s1",
            "nonce": "n1",
        }
        return self.http.get("/oauth/authorize", params={**asked, **query})

    def answer(self, page: httpx.Response, decision: str = "allow", account: str = "ada", orgs: tuple[str, ...] = ()):
        """Press a button on the consent page; what the app gets at its callback."""
        ticket = re.search(r'name="ticket" value="([^"]+)"', page.text)
        assert ticket, page.text
        form = {"ticket": ticket[1], "account": account, "org": [f"{account}/{org}" for org in orgs]}
        sent = self.http.post("/oauth/consent", data={**form, "decision": decision})
        assert sent.status_code == 303, sent.text
        return dict(parse_qsl(urlsplit(sent.headers["location"]).query))

    def exchange(self, code: str, **more: str) -> httpx.Response:
        """Trade a code for tokens."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
        return self.http.post("/oauth/token", data={**form, **more}, auth=(CLIENT, SECRET))

    def sign_in(self, orgs: tuple[str, ...] = (), account: str = "ada", **query: str) -> dict:
        """Everything at once; the token endpoint's answer."""
        answer = self.exchange(self.answer(self.page(**query), account=account, orgs=orgs)["code"])
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
def app(local_hub, http_for) -> App:
    local_hub.register_client(CLIENT, SECRET, ["http://127.0.0.1/login/callback"], "Test app")
    return App(local_hub, http_for(None))


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_discovery_leads_everywhere(app) -> None:
    found = app.http.get("/.well-known/openid-configuration").json()
    assert found["issuer"] == app.hub.url
    for key in ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"):
        assert found[key].startswith(app.hub.url + "/")
        assert app.http.get(found[key]).status_code != 404
    assert "jobs" in found["scopes_supported"]


def test_the_consent_page_says_what_is_asked(app) -> None:
    page = app.page()
    assert page.status_code == 200
    assert "Sign in to Test app" in page.text
    assert "127.0.0.1:7999" in page.text
    for words in ("Run, read and stop jobs for you", "Read your private repositories", "Know whether you can pay"):
        assert words in page.text
    assert "Create, change and delete your repositories" not in page.text
    for name in ("ada", "grace", "poor"):
        assert f'data-account="{name}"' in page.text
    assert 'value="ada/acme"' in page.text
    assert page.headers["x-frame-options"] == "DENY"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert 'name="org"' not in app.page(scope="openid profile").text, "an app that only asks who needs no organisation"


def test_allowing_signs_in(app) -> None:
    back = app.answer(app.page(), orgs=("acme",))
    assert back["state"] == "s1"
    assert back["_target_url"] == "/?model=a", "what the app had in its address is still there"
    answer = app.exchange(back["code"])
    tokens = answer.json()
    assert answer.headers["cache-control"] == "no-store"
    assert set(tokens) == {"access_token", "token_type", "expires_in", "scope", "refresh_token", "id_token"}
    assert (tokens["token_type"], tokens["expires_in"], tokens["scope"]) == ("bearer", 28800, SCOPE)
    assert tokens["access_token"].startswith("hf_oauth_")

    keys = jwk.KeySet.import_key_set(app.http.get("/.well-known/jwks").json())
    claims = jwt.decode(tokens["id_token"], keys).claims
    assert (claims["aud"], claims["iss"], claims["nonce"]) == (CLIENT, app.hub.url, "n1")
    assert (claims["name"], claims["preferred_username"]) == ("Ada Lovelace", "ada")
    assert claims["iat"] <= time.time() + 1 and claims["exp"] > time.time()
    assert not {"isPro", "canPay", "orgs"} & set(claims)
    assert not [key for key, value in claims.items() if isinstance(value, (list, dict))]

    who = app.http.get("/oauth/userinfo", headers=bearer(tokens["access_token"]))
    assert who.json()["sub"] == claims["sub"]
    assert [(org["preferred_username"], org["roleInOrg"]) for org in who.json()["orgs"]] == [("acme", "admin")]
    assert who.json()["canPay"] is True
    posted = app.http.post("/oauth/userinfo", headers=bearer(tokens["access_token"]))
    assert posted.json() == who.json()
    me = app.http.get("/api/whoami-v2", headers=bearer(tokens["access_token"])).json()
    assert (me["name"], [org["name"] for org in me["orgs"]]) == ("ada", ["acme"])


def test_denying_comes_back_as_the_standard_says(app) -> None:
    back = app.answer(app.page(), decision="deny")
    assert (back["error"], back["state"]) == ("access_denied", "s1")
    assert "code" not in back


def test_organisations_not_ticked_or_not_ones_own_are_not_granted(app) -> None:
    def orgs(tokens: dict) -> list:
        return app.http.get("/oauth/userinfo", headers=bearer(tokens["access_token"])).json()["orgs"]

    assert orgs(app.sign_in()) == []
    assert orgs(app.sign_in(account="grace", orgs=("acme",))) == [], "grace is no member"
    org_id = app.http.get("/api/organizations/acme/overview").json()["_id"]
    assert 'value="ada/acme" checked' in app.page(orgIds=org_id).text


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ({"scope": "openid everything"}, "invalid_scope"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"prompt": "none"}, "login_required"),
        ({"code_challenge": "x", "code_challenge_method": "S512"}, "invalid_request"),
    ],
)
def test_a_wrong_request_goes_back_with_an_error(app, query: dict, error: str) -> None:
    sent = app.page(**query)
    assert sent.status_code == 303
    back = parse_qs(urlsplit(sent.headers["location"]).query)
    assert (back["error"], back["state"]) == ([error], ["s1"])


@pytest.mark.parametrize(
    "address",
    [
        "https://elsewhere.example/login/callback",
        "http://127.0.0.1:7999/other",
        "http://127.0.0.1.elsewhere.example/login/callback",
        "http://ada@127.0.0.1/login/callback",
        "javascript:alert(1)",
        "",
    ],
)
def test_nobody_is_sent_to_a_foreign_address(app, address: str) -> None:
    answer = app.page(redirect_uri=address)
    assert answer.status_code == 400
    assert "location" not in answer.headers


def test_text_from_the_link_stays_text(app) -> None:
    page = app.page(client_id='<script>alert("x")</script>')
    assert page.status_code == 200
    assert "<script>" not in page.text


def test_a_wrong_ticket_gets_nothing(app) -> None:
    form = {"ticket": "guessed", "account": "ada", "decision": "allow"}
    assert app.http.post("/oauth/consent", data=form).status_code == 400
    page = app.page()
    app.answer(page)
    ticket = re.search(r'name="ticket" value="([^"]+)"', page.text)[1]
    again = app.http.post("/oauth/consent", data={**form, "ticket": ticket})
    assert again.status_code == 400, "a page is answered once"


def test_a_code_works_once_and_its_second_use_ends_the_token(app) -> None:
    code = app.answer(app.page())["code"]
    token = app.exchange(code).json()["access_token"]
    assert app.http.get("/oauth/userinfo", headers=bearer(token)).status_code == 200
    again = app.exchange(code)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert app.http.get("/oauth/userinfo", headers=bearer(token)).status_code == 401


def test_a_code_is_only_for_its_client_and_address(app) -> None:
    app.hub.register_client("other-app", "other", ["http://127.0.0.1/login/callback"])
    code = app.answer(app.page())["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
    assert app.http.post("/oauth/token", data=form, auth=("other-app", "other")).json()["error"] == "invalid_grant"
    wrong = app.http.post("/oauth/token", data=form, auth=(CLIENT, "guess"))
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")
    assert app.http.post("/oauth/token", data=form).status_code == 401
    assert app.exchange(code).status_code == 200, "none of these used it up"
    code = app.answer(app.page())["code"]
    assert app.exchange(code, redirect_uri="http://127.0.0.1:7999/login/callback").json()["error"] == "invalid_grant"


def test_secret_in_the_form_works_too(app) -> None:
    form = {"grant_type": "authorization_code", "code": app.answer(app.page())["code"], "redirect_uri": CALLBACK}
    form |= {"client_id": CLIENT, "client_secret": SECRET}
    assert app.http.post("/oauth/token", data=form).status_code == 200


def test_pkce(app) -> None:
    verifier = "v" * 50
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")

    def code() -> str:
        return app.answer(app.page(code_challenge=challenge, code_challenge_method="S256"))["code"]

    assert app.exchange(code(), code_verifier=verifier).status_code == 200
    assert app.exchange(code(), code_verifier="w" * 50).json()["error"] == "invalid_grant"
    assert app.exchange(code()).json()["error"] == "invalid_grant"


def test_a_refresh_token_works_once(app) -> None:
    first = app.sign_in()

    def refresh(token: str) -> httpx.Response:
        form = {"grant_type": "refresh_token", "refresh_token": token}
        return app.http.post("/oauth/token", data=form, auth=(CLIENT, SECRET))

    second = refresh(first["refresh_token"]).json()
    assert second["scope"] == SCOPE
    assert app.http.get("/oauth/userinfo", headers=bearer(second["access_token"])).status_code == 200
    assert app.http.get("/oauth/userinfo", headers=bearer(first["access_token"])).status_code == 401
    assert refresh(first["refresh_token"]).json()["error"] == "invalid_grant"
    app.hub.revoke(second["access_token"])
    assert app.http.get("/oauth/userinfo", headers=bearer(second["access_token"])).status_code == 401


def test_the_official_client_signs_in(app, monkeypatch) -> None:
    """`attach_huggingface_oauth`, which checks signature, issuer, audience and nonce with Authlib."""
    monkeypatch.setenv("SPACE_ID", "ada/space")
    for name, value in {
        "OAUTH_CLIENT_ID": CLIENT,
        "OAUTH_CLIENT_SECRET": SECRET,
        "OAUTH_SCOPES": SCOPE,
        "OPENID_PROVIDER_URL": app.hub.url,
    }.items():
        monkeypatch.setattr(constants, name, value)
    app.hub.register_client(CLIENT, SECRET, ["http://127.0.0.1/oauth/huggingface/callback"], "Test app")
    site = FastAPI()
    attach_huggingface_oauth(site)

    @site.get("/who")
    def who(request: Request) -> dict:
        info = parse_huggingface_oauth(request)
        return {"name": info.user_info.preferred_username, "token": info.access_token, "scope": info.scope}

    with TestClient(site, base_url="http://127.0.0.1:7999", follow_redirects=False) as browser:
        login = browser.get("/oauth/huggingface/login", params={"_target_url": "/?model=a&dataset=b"})
        cookie = {"Cookie": login.headers["set-cookie"].partition(";")[0]}
        back = app.answer(app.http.get(login.headers["location"]))
        home = browser.get("/oauth/huggingface/callback", params=back, headers=cookie)
        assert home.headers["location"] == "/?model=a&dataset=b"
        cookie = {"Cookie": home.headers["set-cookie"].partition(";")[0]}
        assert len(cookie["Cookie"]) < 4096, "a browser drops larger cookies"
        seen = browser.get("/who", headers=cookie).json()
        assert (seen["name"], seen["scope"]) == ("ada", SCOPE)
        # A callback with somebody else's state is not a sign-in.
        wrong = browser.get("/oauth/huggingface/callback", params={**back, "state": "guessed"}, headers=cookie)
        assert "/oauth/huggingface/login" in wrong.headers["location"]
    assert app.http.get("/api/whoami-v2", headers=bearer(seen["token"])).json()["name"] == "ada"


def test_only_oauth_tokens_have_userinfo(app) -> None:
    assert app.http.get("/oauth/userinfo").status_code == 401
    assert app.http.get("/oauth/userinfo", headers=bearer(app.hub.token("ada"))).status_code == 403


def test_a_session_cookie_needs_no_page(app) -> None:
    cookie = {"Cookie": f"token={app.hub.token('ada')}"}
    asked = {"response_type": "code", "client_id": CLIENT, "redirect_uri": CALLBACK, "scope": SCOPE, "state": "s2"}
    sent = app.http.get("/oauth/authorize", params=asked, headers=cookie)
    assert sent.status_code == 303
    code = dict(parse_qsl(urlsplit(sent.headers["location"]).query))["code"]
    assert app.exchange(code).status_code == 200
    wrong = app.http.get("/oauth/authorize", params=asked, headers={"Cookie": "token=hf_nobody"})
    assert wrong.status_code == 200, "an unknown cookie is no sign-in"


def test_an_unregistered_app_keeps_its_first_secret(app) -> None:
    """For development: on this computer an app need not be registered, but nobody else can take its codes."""
    here = {"client_id": "new-app", "redirect_uri": "http://localhost:3000"}
    form = {"grant_type": "authorization_code", "redirect_uri": "http://localhost:3000"}
    for secret, status in (("mine", 200), ("theirs", 401)):
        page = app.page(**here)
        code = app.answer(page)["code"]
        sent = app.http.post("/oauth/token", data={**form, "code": code}, auth=("new-app", secret))
        assert sent.status_code == status, sent.text
    assert app.page(client_id="new-app", redirect_uri="https://elsewhere.example/").status_code == 400


def test_tokens_expire(make_hub) -> None:
    hub = make_hub(oauth_ttl=1, clients=[{"id": CLIENT, "secret": SECRET, "redirect_uris": [CALLBACK]}])
    with httpx.Client(base_url=hub.url, trust_env=False) as http:
        tokens = App(hub, http).sign_in()
        assert tokens["expires_in"] == 1
        time.sleep(1.1)
        assert http.get("/api/whoami-v2", headers=bearer(tokens["access_token"])).status_code == 401


def test_the_signing_key_and_the_sign_in_survive_a_restart(make_hub) -> None:
    hub = make_hub(clients=[{"id": CLIENT, "secret": SECRET, "redirect_uris": [CALLBACK]}])
    with httpx.Client(base_url=hub.url, trust_env=False) as http:
        keys = http.get("/.well-known/jwks").json()
        assert "d" not in keys["keys"][0], "the private half stays here"
        tokens = App(hub, http).sign_in()
        hub.restart()
        assert http.get("/.well-known/jwks").json() == keys
        assert http.get("/oauth/userinfo", headers=bearer(tokens["access_token"])).status_code == 200
    assert (hub.data / "oauth_key.json").stat().st_mode & 0o077 == 0


def test_device_flow(app) -> None:
    started = app.http.post("/oauth/device", data={"client_id": "hf-cli"}).json()
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "client_id": "hf-cli"}
    form["device_code"] = started["device_code"]
    assert app.http.post("/oauth/token", data=form).json()["error"] == "authorization_pending"
    assert "not known" in app.http.get("/oauth/device", params={"user_code": "XXXX-XXXX"}).text
    page = app.http.get("/oauth/device", params={"user_code": started["user_code"].lower()})
    ticket = re.search(r'name="ticket" value="([^"]+)"', page.text)[1]
    done = app.http.post("/oauth/consent", data={"ticket": ticket, "account": "grace", "decision": "allow"})
    assert done.status_code == 200
    tokens = app.http.post("/oauth/token", data=form).json()
    assert app.http.get("/api/whoami-v2", headers=bearer(tokens["access_token"])).json()["name"] == "grace"
    assert app.http.post("/oauth/token", data=form).json()["error"] == "invalid_grant"


def test_answers_are_as_documented(app, reference_data: Path) -> None:
    for scope, orgs in (("openid", ()), ("openid profile", ()), (SCOPE, ("acme",)), ("openid read-memberships", ())):
        token = app.sign_in(scope=scope, orgs=orgs)["access_token"]
        answer = app.http.get("/oauth/userinfo", headers=bearer(token)).json()
        validate(reference_data, "GET", "/oauth/userinfo", 200, answer)
    started = app.http.post("/oauth/device", data={"client_id": "hf-cli"})
    validate(reference_data, "POST", "/oauth/device", started.status_code, started.json())
    made = app.http.post("/oauth/register", json={"redirect_uris": ["http://localhost:5000/cb"]})
    validate(reference_data, "POST", "/oauth/register", made.status_code, made.json())


def test_registration(app) -> None:
    body = {"redirect_uris": ["http://localhost:5000/cb"], "client_name": "Mine"}
    made = app.http.post("/oauth/register", json=body)
    assert made.status_code == 201
    page = app.page(client_id=made.json()["client_id"], redirect_uri="http://localhost:5000/cb")
    assert "Sign in to Mine" in page.text
    assert app.http.post("/oauth/register", json={}).status_code == 400
