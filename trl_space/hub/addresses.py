"""From which addresses a script may be read, and where its file is. Nothing is asked here.

    locate("https://github.com/huggingface/trl/blob/main/trl/scripts/sft.py")
    # WebFile("raw.githubusercontent.com", "/huggingface/trl/main/trl/scripts/sft.py")
    locate("https://huggingface.co/datasets/ada/scripts/blob/main/train.py")
    # HubFile("dataset", "ada/scripts", "main", "train.py"), of the Hub that this app talks to; the same as
    locate("hf://datasets/ada/scripts@main/train.py")
    is_public("169.254.169.254")        # False

An address comes from a person or from somebody's link. It is read strictly: what is neither a file of the Hub nor a
plain https address of a name raises `Unread`, with a sentence, and is never mended into one. `fetch` asks, and holds
the name's numbers against `is_public`.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, unquote

from huggingface_hub import HfUri, parse_hf_uri
from huggingface_hub.errors import HfUriError

from ..texts import t
from . import ids
from .config import endpoint, repo_path, segment
from .errors import HubProblem, Kind

LONGEST = 2000
"""Most characters of an address."""

_PARTS = re.compile(
    r"(?s)([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)([^?#]*)(?:\?([^#]*))?(?:#(.*))?"
)  # RFC 3986, appendix B
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
# What a browser would take for a number in the place of a name (0x7f000001, 2130706433, 127.1, 0177.0.0.1).
_NUMBER = re.compile(r"(?i)[0-9]+|0x[0-9a-f]*")
# Names of which no public server has one.
_INSIDE = frozenset("localhost local internal intranet lan home corp private onion arpa invalid test".split())
# What stands in an address only to let somebody in; it would go along in every link of the run.
_SECRETS = frozenset(
    "token access_token private_token auth authorization password api_key apikey key secret signature sig "
    "x-amz-signature x-amz-security-token x-goog-signature x-goog-credential".split()
)
_PREFIXES = {"model": "", "dataset": "datasets/", "space": "spaces/"}
_WORDS = {"model": "model", "dataset": "dataset", "space": "Space"}
_HUB_HOSTS = frozenset({"huggingface.co", "www.huggingface.co", "hf.co"})
# How pages of other sites that show a file are turned into the file's own address; tried in this order.
_RAW = (("/-/blob/", "/-/raw/"), ("/src/branch/", "/raw/branch/"), ("/src/commit/", "/raw/commit/"))
_RAW += (("/src/tag/", "/raw/tag/"), ("/src/", "/raw/"), ("/blob/", "/raw/"))


class Unread(HubProblem):
    """A script that was not read.

    Args:
        why: names its sentence, below `fetch` in the texts, and the reason for the program.
        offer: an address to try instead, "" when there is none. What a stranger's server said: text, never a link to
            follow unasked.
    """

    def __init__(
        self,
        why: str,
        kind: Kind = "invalid",
        *,
        offer: str = "",
        status: int | None = None,
        retry_after: float | None = None,
        **values: object,
    ) -> None:
        super().__init__(kind, sentence=t(f"fetch.{why}", **values), status=status, retry_after=retry_after)
        self.why = why
        self.offer = offer


@dataclass(frozen=True)
class WebFile:
    """A file on the web: `host` is a plain name in small letters, `target` path and query as they are sent."""

    host: str
    target: str

    @property
    def url(self) -> str:
        """Its address."""
        return f"https://{self.host}{self.target}"


@dataclass(frozen=True)
class HubFile:
    """A file in a repository of the Hub; `type` is "model", "dataset" or "space"."""

    type: str
    repo: str
    revision: str
    path: str

    @property
    def target(self) -> str:
        """Where the Hub has it, from the slash on."""
        file = "/".join(segment(part) for part in self.path.split("/"))
        return f"/{_PREFIXES[self.type]}{repo_path(self.repo)}/resolve/{segment(self.revision)}/{file}"

    @property
    def url(self) -> str:
        """Its address in the web."""
        return endpoint() + self.target

    @property
    def address(self) -> str:
        """How a recipe names it, whatever Hub it is on: `hf://datasets/ada/scripts@main/train.py`."""
        address = HfUri(self.type, self.repo, self.revision, self.path).to_uri()
        return self.url if re.search(r"[^!-~]|[\\\"'<>`{}|^]", address) else address  # what `script.Script` refuses


def locate(address: str) -> WebFile | HubFile:
    """The file that an address stands for: itself, or the one that a page of GitHub, GitLab or the Hub shows.

    Raises:
        Unread: it is no address of a file that may be read.
    """
    text = address.strip() if isinstance(address, str) else ""
    if len(text) > LONGEST:
        raise Unread("long", most=LONGEST)
    # No spaces, control or broken characters; a backslash is a slash to some and none to others.
    if any(char <= " " or char == "\\" or 0x7F <= ord(char) < 0xA0 or 0xD800 <= ord(char) < 0xE000 for char in text):
        raise Unread("odd")
    if re.match(r"(?i)[a-z0-9-]+(\.[a-z0-9-]+)+/", text):  # as people write it
        text = "https://" + text
    if text.startswith("hf://"):
        return _on_hub(text)
    parts = _PARTS.fullmatch(text)
    if parts is None:
        raise Unread("no_address")
    scheme, authority, path, query, fragment = (part or "" for part in parts.groups())
    if f"{scheme}://{authority}".lower() == endpoint().lower():
        return _on_hub("https://huggingface.co" + path)
    if scheme.lower() != "https":
        raise Unread("scheme")
    host = _host(authority)
    if host in _HUB_HOSTS:
        return _on_hub("https://huggingface.co" + path)
    if any(name.lower() in _SECRETS for name, _ in parse_qsl(query, keep_blank_values=True)):
        raise Unread("secret")
    path = _SITES[host](path, fragment) if host in _SITES else path
    host = _RAW_HOSTS.get(host, host)
    if any(unquote(part) in (".", "..") for part in path.split("/")):
        raise Unread("odd")
    target = quote(path or "/", safe="/%:@!$&'()*+,;=~-._")
    return WebFile(host, target + ("?" + quote(query, safe="/%:@!$&'()*+,;=~-._?") if query else ""))


def raw_address(url: str) -> str:
    """Where the file may be that a page of some site shows; "" when nothing about its address says so."""
    return next((url.replace(shown, raw, 1) for shown, raw in _RAW if shown in url), "")


def _host(authority: str) -> str:
    """The name of the server. Raises Unread."""
    if "@" in authority:
        raise Unread("person")
    if authority.startswith("["):
        raise Unread("number")
    host, colon, port = authority.partition(":")
    if colon and port != "443":
        raise Unread("port")
    if not host.isascii():
        raise Unread("letters")
    host = host.lower()
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1] or labels[max(0, len(labels) - 2)]):
        raise Unread("number")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise Unread("host")
    if len(labels) < 2 or labels[-1] in _INSIDE:
        raise Unread("inside", host=host)
    return host


# --- pages that show a file -------------------------------------------------------------------------------------------


def _on_hub(address: str) -> HubFile:
    """A file of the Hub, from `hf://…` or from the address of its page on the official one."""
    try:
        found = parse_hf_uri(address)
    except HfUriError:
        raise Unread("hub_page") from None
    names = found.path_in_repo.split("/")
    if found.type not in _PREFIXES or not found.path_in_repo:
        raise Unread("hub_page")
    if any(name in ("", ".", "..") or "\\" in name or not name.isprintable() for name in names):
        raise Unread("odd")
    repo, revision = ids.repo(found.id, _WORDS[found.type]), ids.revision(found.revision or "main")
    return HubFile(found.type, repo, revision, found.path_in_repo)


def _on_github(path: str, _: str) -> str:
    found = re.fullmatch(r"/([^/]+)/([^/]+)/(?:blob|raw|blame|edit)/([^/]+/.*[^/])", path)
    if found is None:
        raise Unread("github_page")
    return f"/{found[1]}/{found[2]}/{found[3]}"


def _on_gist(path: str, fragment: str) -> str:
    found = re.fullmatch(r"/([^/]+)/([0-9a-f]{7,64})(?:(/raw)(?=/|$))?(?:/([0-9a-f]{40}))?(/[^/]+)?/?", path)
    if found is None or (found[5] and not found[3]):
        raise Unread("gist_page")
    user, gist, _, revision, name = found.groups()
    if fragment.startswith("file-") and not name:
        raise Unread("gist_file")  # it names one of several files, in a way that does not tell the file's name
    return f"/{user}/{gist}/raw" + (f"/{revision}" if revision else "") + (name or "")


def _on_gitlab(path: str, _: str) -> str:
    return path.replace("/-/blob/", "/-/raw/", 1)


_SITES = {"github.com": _on_github, "www.github.com": _on_github, "gist.github.com": _on_gist, "gitlab.com": _on_gitlab}
_RAW_HOSTS = {
    "github.com": "raw.githubusercontent.com",
    "www.github.com": "raw.githubusercontent.com",
    "gist.github.com": "gist.githubusercontent.com",
}


# --- numbers ----------------------------------------------------------------------------------------------------------

# Not reachable by everybody, or something else than a server of somebody's. The first from the registries of IANA
# (iana-ipv4-special-registry, iana-ipv6-special-registry), because Python's own list differs from one version to the
# next; then what clouds answer only to their own machines.
_NOT_PUBLIC = tuple(
    ipaddress.ip_network(network)
    for network in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16"),
        *("192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        # Within 2000::/3: Teredo and the like, documentation, 6to4, AS112, documentation.
        *("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"),
        "168.63.129.16/32",  # Azure's platform; those of the others lie within the above
    )
)
# Everything that the internet routes. Outside of it are the ways to write an IPv4 address (::ffff:0:0/96, ::/96,
# 64:ff9b::/96, 64:ff9b:1::/48), this computer, its links and its site.
_ROUTED = ipaddress.ip_network("2000::/3")


def is_public(number: str) -> bool:
    """Whether an IP address, as text, is one that everybody on the internet reaches."""
    try:
        ip = ipaddress.ip_address(number)
    except ValueError:
        return False
    if ip.version == 6 and (ip.scope_id is not None or ip not in _ROUTED):
        return False
    inside = any(ip in network for network in _NOT_PUBLIC if network.version == ip.version)
    return not inside and ip.is_global and not ip.is_multicast and not ip.is_reserved
