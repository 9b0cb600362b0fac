"""The host with every setting the other way round: certbot, a local domain, an external store, a balancer in front."""

from __future__ import annotations

from cryptography import x509

testinfra_hosts = ["ansible://app"]

WEB = "web.example.test"
LOCAL = "example.test"
MEDIA = "media.web.example.test"


def test_certificate_for_all_names_came_through_the_challenge(visit_other):
    with visit_other.connect(WEB) as connection:
        certificate = x509.load_der_x509_certificate(connection.getpeercert(binary_form=True))
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert sorted(names.get_values_for_type(x509.DNSName)) == sorted([WEB, MEDIA, LOCAL])


def test_accounts_are_found_under_the_local_domain(visit_other):
    path = "/.well-known/webfinger?resource=acct:someone@example.test"
    answer = visit_other(LOCAL, path)
    assert (answer.status, answer.headers["location"]) == (301, f"https://{WEB}{path}")
    assert answer.headers["access-control-allow-origin"] == "*"


def test_balancers_word_counts_but_only_its(host, visit_other, addresses):
    """TLS that ended at a balancer of ours: no redirection, and the app hears of the visitor behind it."""
    curl = f"curl -s -H 'Host: {WEB}' -H 'X-Forwarded-Proto: https' -H 'X-Forwarded-For: 192.0.2.7'"
    sent = host.check_output(f"{curl} http://{addresses['other'][1]}/ | tr -d ' '")
    assert '"X-Forwarded-For":"192.0.2.7"' in sent
    assert '"X-Forwarded-Proto":"https"' in sent
    liar = visit_other(WEB, "/", headers={"X-Forwarded-Proto": "https"}, tls=False)
    assert liar.status == 301


def test_external_store(host, client, visit_other, addresses):
    answer = visit_other(MEDIA, "/accounts/avatars/a.png")
    assert (answer.status, answer.body) == (200, b"picture")
    assert visit_other(MEDIA, "/backups/dumps/a.zip").status == 403
    assert visit_other(MEDIA, "/accounts/%0d%0aX-Evil:1").status == 404
    assert visit_other(MEDIA, "/mastodon/accounts/avatars/a.png").status == 404


def test_own_settings(visit_other):
    assert visit_other(WEB, "/extra").status == 204
    assert "strict-transport-security" not in visit_other(WEB, "/").headers
    assert visit_other(WEB, "/", "POST", body=b"\0" * (2 << 20)).status == 413


def test_public_tree_may_come_later(visit_other):
    assert visit_other(WEB, "/").json["name"] == "3000"
    assert visit_other(WEB, "/packs/app.js").status == 404
