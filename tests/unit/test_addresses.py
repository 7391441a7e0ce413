"""From which addresses a script may be read: names only, public numbers only, whatever tricks an address holds."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trl_space.hub import addresses, config, fetch
from trl_space.hub.addresses import HubFile, Unread, WebFile, is_public, locate, raw_address
from trl_space.hub.errors import HubProblem
from trl_space.script import Script
from trl_space.texts import section

GIST = "0123456789abcdef0123456789abcdef"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
GISTS = "https://gist.githubusercontent.com"


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("https://files.example.org/train.py", "https://files.example.org/train.py"),
        ("  HTTPS://Files.Example.ORG/Train.py\n", "https://files.example.org/Train.py"),
        ("https://files.example.org:443/a%20b.py?x=1#L10", "https://files.example.org/a%20b.py?x=1"),
        ("https://files.example.org", "https://files.example.org/"),
        ("https://files.example.org/ü.py", "https://files.example.org/%C3%BC.py"),
        ("https://xn--bcher-kva.example/x.py", "https://xn--bcher-kva.example/x.py"),
        (
            "https://github.com/huggingface/trl/blob/main/trl/scripts/sft.py#L3-L9",
            "https://raw.githubusercontent.com/huggingface/trl/main/trl/scripts/sft.py",
        ),
        (
            "github.com/o/r/raw/refs/heads/main/train.py",
            "https://raw.githubusercontent.com/o/r/refs/heads/main/train.py",
        ),
        (f"https://gist.github.com/ada/{GIST}", f"{GISTS}/ada/{GIST}/raw"),
        (f"https://gist.github.com/ada/{GIST}/", f"{GISTS}/ada/{GIST}/raw"),
        (f"https://gist.github.com/ada/{GIST}/{COMMIT}", f"{GISTS}/ada/{GIST}/raw/{COMMIT}"),
        (f"https://gist.github.com/ada/{GIST}/raw/{COMMIT}/t.py", f"{GISTS}/ada/{GIST}/raw/{COMMIT}/t.py"),
        (f"https://gist.github.com/ada/{GIST}/raw/t.py#file-t-py", f"{GISTS}/ada/{GIST}/raw/t.py"),
        ("https://gitlab.com/g/s/p/-/blob/main/t.py", "https://gitlab.com/g/s/p/-/raw/main/t.py"),
    ],
)
def test_pages_are_turned_into_files(address: str, url: str) -> None:
    found = locate(address)
    assert isinstance(found, WebFile)
    assert found.url == url
    assert locate(url) == found


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("https://huggingface.co/ada/x/blob/main/t.py", HubFile("model", "ada/x", "main", "t.py")),
        ("https://hf.co/ada/x/resolve/v1.0/a/t.py?download=true", HubFile("model", "ada/x", "v1.0", "a/t.py")),
        ("huggingface.co/datasets/ada/x/raw/main/t.py", HubFile("dataset", "ada/x", "main", "t.py")),
        ("https://huggingface.co/spaces/ada/x/blob/main/app.py", HubFile("space", "ada/x", "main", "app.py")),
        ("https://huggingface.co/ada/x/blob/refs%2Fpr%2F1/t.py", HubFile("model", "ada/x", "refs/pr/1", "t.py")),
        ("https://huggingface.co/ada/x/blob/refs/pr/1/t.py", HubFile("model", "ada/x", "refs/pr/1", "t.py")),
        ("https://huggingface.co/ada/raw/blob/main/a%20b.py", HubFile("model", "ada/raw", "main", "a b.py")),
        ("hf://ada/x/t.py", HubFile("model", "ada/x", "main", "t.py")),
        ("hf://datasets/ada/x@v2/a/t.py", HubFile("dataset", "ada/x", "v2", "a/t.py")),
        ("hf://spaces/ada/x@refs/pr/7/app.py", HubFile("space", "ada/x", "refs/pr/7", "app.py")),
        ("https://huggingface.co/ada/x/blob/main/..%2F..%2Fapi", HubFile("model", "ada/x", "main", "..%2F..%2Fapi")),
    ],
)
def test_files_of_the_hub_are_the_hubs(address: str, found: HubFile) -> None:
    assert locate(address) == found
    assert found.url.startswith(config.endpoint() + "/") and "/../" not in found.url and "%2F..%2F" not in found.url
    if "%" not in found.path:
        assert locate(found.url) == found, "its own address leads to it again"


@pytest.mark.parametrize(
    ("file", "address"),
    [
        (HubFile("dataset", "ada/x", "main", "t.py"), "hf://datasets/ada/x@main/t.py"),
        (HubFile("model", "ada/x", "refs/pr/1", "a/t.py"), "hf://models/ada/x@refs/pr/1/a/t.py"),
        (HubFile("space", "ada/x", COMMIT, "t.py"), f"hf://spaces/ada/x@{COMMIT}/t.py"),
        (HubFile("dataset", "ada/x", "a/b", "t.py"), "hf://datasets/ada/x@a%2Fb/t.py"),
    ],
)
def test_a_recipe_can_name_a_file_of_the_hub(file: HubFile, address: str) -> None:
    assert file.address == address == Script(url=address).url
    assert locate(address) == file
    odd = HubFile(file.type, file.repo, file.revision, "a b'.py")
    assert odd.address == odd.url and locate(odd.address) == odd, "a recipe takes no spaces and quotation marks"


def test_a_hub_on_this_computer_is_reached_as_the_hub_alone() -> None:
    """The tests' endpoint is one on loopback; no other server there can be meant."""
    endpoint = config.endpoint()
    assert endpoint.startswith("http://127.0.0.1:")
    assert isinstance(locate(f"{endpoint}/ada/x/blob/main/t.py"), HubFile)
    for address in ("http://127.0.0.1:1/ada/x/blob/main/t.py", f"{endpoint}1/a", endpoint.replace("//", "//me@")):
        with pytest.raises(Unread):
            locate(address)


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("", "no_address"),
        ("train.py", "no_address"),
        ("javascript:alert(1)", "no_address"),
        ("data:text/plain,print(1)", "no_address"),
        ("//example.org/x", "no_address"),
        ("https:/example.org/x", "no_address"),
        ("file:///etc/passwd", "scheme"),
        ("http://example.org/x", "scheme"),
        ("ftp://example.org/x", "scheme"),
        ("gopher://example.org:443/x", "scheme"),
        ("https://" + "a" * 3000, "long"),
        ("https://example.org/a b", "odd"),
        ("https://example.org\\@127.0.0.1/", "odd"),
        ("https://exam\tple.org/", "odd"),
        ("https://example.org/\r\nHost: other", "odd"),
        ("https://example.org/\0", "odd"),
        ("https://example.org/\ud800", "odd"),
        ("https://example.org/a/../../b", "odd"),
        ("https://example.org/a/%2e%2e/b", "odd"),
        ("https://me@example.org/", "person"),
        ("https://me:secret@example.org/", "person"),
        ("https://example.org@127.0.0.1/", "person"),
        ("https://example.org:8443/", "port"),
        ("https://example.org:0443/", "port"),
        ("https://example.org:/", "port"),
        ("https://example.org:443:443/", "port"),
        ("https://127.0.0.1/", "number"),
        ("https://127.0.0.1./", "number"),
        ("https://8.8.8.8/", "number"),
        ("https://127.1/", "number"),
        ("https://2130706433/", "number"),
        ("https://0x7f000001/", "number"),
        ("https://0X7F.0.0.1/", "number"),
        ("https://0177.0.0.1/", "number"),
        ("https://017700000001/", "number"),
        ("https://example.0x/", "number"),
        ("https://[::1]/", "number"),
        ("https://[::ffff:169.254.169.254]/", "number"),
        ("https://[fe80::1%25eth0]/", "number"),
        ("https://ｅxample.org/", "letters"),
        ("https://127。0。0。1/", "letters"),
        ("https://ⓛⓞⓒⓐⓛhost.org/", "letters"),
        ("https://exаmple.org/", "letters"),  # with a Cyrillic letter
        ("https://example.org./", "host"),
        ("https://example..org/", "host"),
        ("https://.example.org/", "host"),
        ("https://-a.example.org/", "host"),
        ("https://exam%70le.org/", "host"),
        ("https://exam*ple.org/", "host"),
        ("https:///x", "host"),
        ("https://" + "a." * 200 + "org/", "host"),
        ("https://localhost/", "inside"),
        ("https://metadata/", "inside"),
        ("https://a.localhost/", "inside"),
        ("https://metadata.google.internal/", "inside"),
        ("https://kubernetes.default.svc.cluster.local/", "inside"),
        ("https://1.0.0.127.in-addr.arpa/", "inside"),
        ("https://raw.githubusercontent.com/o/r/main/t.py?token=GHSAT0AAA", "secret"),
        ("https://bucket.example.org/t.py?X-Amz-Signature=abc", "secret"),
        ("https://huggingface.co/ada/x", "hub_page"),
        ("https://huggingface.co/datasets/ada/x/tree/main", "hub_page"),
        ("https://huggingface.co/ada/x/blob/main", "hub_page"),
        ("https://huggingface.co/", "hub_page"),
        ("https://huggingface.co/gpt2/blob/main/t.py", "hub_page"),
        ("https://huggingface.co/ada/x/blob/main/%5C/t.py", "odd"),
        ("hf://buckets/ada/x/t.py", "hub_page"),
        ("hf://kernels/ada/x/t.py", "hub_page"),
        ("hf://datasets/ada/x", "hub_page"),
        ("hf://ada", "hub_page"),
        ("hf://datasets/ada/x@/t.py", "hub_page"),
        ("hf://datasets/ada/x/../../api/whoami-v2", "odd"),
        ("hf://datasets/ada/x//t.py", "hub_page"),
        ("https://huggingface.co/ada/x/blob/main/%2e%2e/t.py", "odd"),
        ("https://github.com/huggingface/trl", "github_page"),
        ("https://github.com/huggingface/trl/tree/main/trl/scripts", "github_page"),
        ("https://github.com/o/r/blob/main/folder/", "github_page"),
        ("https://gist.github.com/ada", "gist_page"),
        (f"https://gist.github.com/{GIST}", "gist_page"),
        (f"https://gist.github.com/ada/{GIST}/revisions", "gist_page"),
        (f"https://gist.github.com/ada/{GIST}#file-train-py", "gist_file"),
    ],
)
def test_what_is_no_address_of_a_script_is_refused_with_a_sentence(address: str, why: str) -> None:
    with pytest.raises(Unread) as caught:
        locate(address)
    assert caught.value.why == why
    assert len(caught.value.sentence) > 30 and "{" not in caught.value.sentence
    assert "secret@" not in caught.value.sentence


@pytest.mark.parametrize("address", [f"https://huggingface.co/{name}/blob/main/t.py" for name in ("a/b--c", "-a/b")])
def test_a_name_that_no_repository_has_is_refused(address: str) -> None:
    with pytest.raises(HubProblem):
        locate(address)


@given(st.text(max_size=200) | st.from_regex(r"(https|hf)://[^/ ]{0,40}/[^ ]{0,40}", fullmatch=True))
def test_whatever_is_given_what_comes_back_is_plain(address: str) -> None:
    try:
        found = locate(address)
    except HubProblem as problem:
        assert problem.sentence
        return
    if isinstance(found, HubFile):
        assert not set(found.path.split("/")) & {"", ".", ".."}
        assert locate(found.address) == found or "%" in found.path
        return
    else:
        assert re.fullmatch(r"[a-z0-9_-]+(\.[a-z0-9_-]+)+", found.host)
        assert not found.host[-1].isdigit() or not found.host.rpartition(".")[2].isdigit()
        assert re.fullmatch(r"/[!-~]*", found.target) and "#" not in found.target and "\\" not in found.target
    assert locate(found.url) == found, "what was read and what is said to have been read are the same"


FORMS = (str, hex, lambda number: f"0{number:o}", lambda number: f"0X{number:08X}")


@given(st.integers(0, 2**32 - 1), st.sampled_from(FORMS), st.sampled_from(["", ".", ":443", ":80"]))
def test_no_number_is_taken_for_a_name(number: int, form, end: str) -> None:
    dotted = ".".join(form(part) for part in number.to_bytes(4, "big"))
    last = form(number & 0xFFFF)
    for host in (form(number), dotted, f"{form(number >> 24)}.{form(number & 0xFFFFFF)}", f"files.example.{last}"):
        with pytest.raises(Unread):
            locate(f"https://{host}{end}/x.py")


@pytest.mark.parametrize(
    ("shown", "raw"),
    [
        ("https://git.example.org/o/r/-/blob/main/t.py", "https://git.example.org/o/r/-/raw/main/t.py"),
        ("https://codeberg.org/o/r/src/branch/main/t.py", "https://codeberg.org/o/r/raw/branch/main/t.py"),
        ("https://bitbucket.org/o/r/src/main/t.py", "https://bitbucket.org/o/r/raw/main/t.py"),
        ("https://example.org/t.html", ""),
    ],
)
def test_a_raw_address_is_guessed_for_pages_of_other_sites(shown: str, raw: str) -> None:
    assert raw_address(shown) == raw


# --- numbers ----------------------------------------------------------------------------------------------------------

PUBLIC = (
    "1.1.1.1 8.8.8.8 93.184.216.34 140.82.121.4 185.199.108.133 223.255.255.254 2606:2800:21f::1 2a00:1450:4001::65"
)
NOT_PUBLIC = """
    0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.100.100.200 100.127.255.255 127.0.0.1 127.255.255.254
    169.254.0.1 169.254.169.254 169.254.170.2 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.192 192.0.2.1 192.88.99.1
    192.168.0.1 192.168.255.255 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.250 240.0.0.1
    255.255.255.255 168.63.129.16
    :: ::1 ::127.0.0.1 ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:169.254.169.254 ::ffff:8.8.8.8 ::ffff:0:127.0.0.1
    64:ff9b::127.0.0.1 64:ff9b::8.8.8.8 64:ff9b:1::a9fe:a9fe 100::1 2001::1 2001:0:7f00:1:: 2001:10::1 2001:20::1
    2001:db8::1 2002:7f00:1:: 2002:a9fe:a9fe:: 2002:808:808:: 3fff::1 5f00::1 fc00::1 fd00:ec2::254 fe80::1
    fe80::1%eth0 fec0::1 ff02::1 ff0e::1 2606:2800:21f::1%1
    1 127.1 0177.0.0.1 0x7f.0.0.1 2130706433 1.2.3.4.5 1.2.3.4/32 localhost example.org
"""


@pytest.mark.parametrize("number", PUBLIC.split())
def test_numbers_of_the_internet_are_public(number: str) -> None:
    assert is_public(number)


@pytest.mark.parametrize("number", [*NOT_PUBLIC.split(), "", " 8.8.8.8", "8.8.8.8 "])
def test_no_other_number_is_public(number: str) -> None:
    assert not is_public(number)


@given(st.integers(0, 2**32 - 1))
def test_a_number_of_ipv4_is_public_only_in_its_own_form(number: int) -> None:
    plain = ipaddress.IPv4Address(number)
    if is_public(str(plain)):
        assert not (plain.is_private or plain.is_loopback or plain.is_link_local or plain.is_multicast)
        assert not plain.is_reserved and not plain.is_unspecified and plain.is_global
    mapped = ipaddress.IPv6Address((0xFFFF << 32) + number)
    translated = ipaddress.IPv6Address((0x64FF9B << 96) + number)
    local = ipaddress.IPv6Address((0x64FF9B0001 << 80) + number)
    six_to_four = ipaddress.IPv6Address((0x2002 << 112) + (number << 80) + 1)
    teredo = ipaddress.IPv6Address((0x20010000 << 96) + (number ^ 0xFFFFFFFF))
    for wrapped in (ipaddress.IPv6Address(number), mapped, translated, local, six_to_four, teredo):
        assert not is_public(str(wrapped)), wrapped


@given(st.integers(0, 2**128 - 1))
def test_a_public_number_of_ipv6_is_one_that_is_routed(number: int) -> None:
    six = ipaddress.IPv6Address(number)
    if is_public(str(six)):
        assert six.is_global and not six.is_multicast and number >> 125 == 1
        assert six.ipv4_mapped is None and six.sixtofour is None and six.teredo is None


def test_the_rules_do_not_hang_on_the_version_of_python() -> None:
    """Each range of the table is refused by the table itself, whatever `ipaddress` says of it."""
    for network in addresses._NOT_PUBLIC:
        assert not is_public(str(network[0])) and not is_public(str(network[-1]))


def test_every_reason_has_its_sentence_and_every_sentence_its_reason() -> None:
    source = "".join(Path(module.__file__).read_text() for module in (addresses, fetch))
    named = set(re.findall(r'Unread\(\s*"(\w+)"', source)) | {why for why, _ in fetch._STATUS.values()}
    assert named | {"certificate", "fault", "moved", "page", "page_raw", "refused", "silent"} == set(section("fetch"))
