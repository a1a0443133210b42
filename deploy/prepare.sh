#!/bin/sh
# What the image does before the command that it was given: a home that can be written, and Vault's token.
set -eu

# Providers are part of the image and everything else in Pulumi's folder is this container's own.
mkdir -p "$HOME" "$PULUMI_HOME" "$AOA_STATE_DIR"
ln -sfn "${AOA_SERVICE_PLUGINS:-/opt/pulumi/plugins}" "$PULUMI_HOME/plugins"

# A Vault agent beside this container writes the token; Pulumi's engine takes it from the variable alone.
if [ -n "${AOA_SERVICE_VAULT_TOKEN_FILE:-}" ]; then
    left="${AOA_SERVICE_VAULT_WAIT:-60}"
    until [ -s "$AOA_SERVICE_VAULT_TOKEN_FILE" ]; do
        if [ "$left" -le 0 ]; then
            echo "there is no Vault token in $AOA_SERVICE_VAULT_TOKEN_FILE; look at the log of the container vault-login" >&2
            exit 4
        fi
        left=$((left - 1))
        sleep 1
    done
    VAULT_TOKEN="$(cat "$AOA_SERVICE_VAULT_TOKEN_FILE")"
    export VAULT_TOKEN
    # After a new login the old token is worth nothing: end in time, and be started again with the new one.
    service=$$
    (
        while sleep "${AOA_SERVICE_VAULT_LOOK:-30}"; do
            kill -0 "$service" 2>/dev/null || exit 0
            found="$(cat "$AOA_SERVICE_VAULT_TOKEN_FILE" 2>/dev/null || true)"
            if [ -n "$found" ] && [ "$found" != "$VAULT_TOKEN" ]; then
                echo "there is another Vault token; the service ends to begin again with it" >&2
                kill -TERM "$service"
                exit 0
            fi
        done
    ) </dev/null >/dev/null &
fi

exec "$@"
