"""What looks like a secret, and what only sounds like one."""

from __future__ import annotations

import pytest

from app_of_apps.manifest.literal_secrets import resembles


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("A", "AKIAIOSFODNN7EXAMPLE"),
        ("A", "ghp_" + "a1B2" * 9),
        ("A", "github_pat_" + "a1B2" * 6),
        ("A", "glpat-" + "a1B2-" * 5),
        ("A", "xoxb-123456789012-abcdef"),
        ("A", "-----BEGIN OPENSSH PRIVATE KEY-----"),
        ("A", "-----BEGIN PRIVATE KEY-----"),
        ("A", "x eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc"),
        ("A", "hvs.CAESIJ" + "a" * 20),
        ("A", "pul-" + "0a" * 20),
        ("A", "postgres://app:letmein@db/app"),
        ("A", "redis://:letmein@redis:6379"),
        ("DB_PASSWORD", "changeme"),
        ("password", "x"),
        ("rootPassword", "correct horse"),
        ("PWD", "abc"),
        ("API_TOKEN", "4f9d2c81a7e35b06"),
        ("apiKey", "Zx81kQp2Lm90Vt55"),
        ("SESSION_SIGNING_KEY", "c2VjcmV0LXNpZ25pbmcta2V5LTE="),
        ("clientSecret", "8Q~mN2pL5xR7tW9yB3dF6gH1jK4"),
    ],
)
def test_this_looks_like_a_secret(name: str, text: str):
    assert resembles(name, text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("LOG_LEVEL", "info"),
        ("CATALOG_URL", "http://catalog.shop-catalog"),
        ("BROKER_URL", "amqp://broker.wrapped-broker:5672"),
        ("URL", "https://example.com/@user:x/y"),
        ("DATABASE_URL", "postgres://app:$(DB_PASSWORD)@db/app"),
        ("DATABASE_URL", "postgres://app:${DB_PASSWORD}@db/app"),
        ("DB_PASSWORD", "$(OTHER)"),
        ("DB_PASSWORD", ""),
        ("REQUIRE_PASSWORD", "true"),
        ("PASSWORD_MIN_LENGTH", "12"),
        ("PASSWORD_FILE", "/run/secrets/password"),
        ("passwordKey", "postgres-password"),
        ("existingSecret", "shop-orders-database-credentials"),
        ("existingSecret", "orders-db-2024-v2-credentials"),
        ("TOKEN_TTL", "15m"),
        ("TOKEN", "short-1"),
        ("CSRF_TOKEN", "/var/lib/token"),
        ("TOKEN_URL", "https://login.example.com/oauth2/token"),
        ("KEY", "4f9d2c81a7e35b06"),
        ("MONKEY", "4f9d2c81a7e35b06"),
        ("BUILD_SHA", "4f9d2c81a7e35b064f9d2c81a7e35b06"),
        ("CERTIFICATE", "-----BEGIN CERTIFICATE-----"),
    ],
)
def test_this_is_let_through(name: str, text: str):
    assert not resembles(name, text)
