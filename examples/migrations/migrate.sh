#!/bin/sh
# What project.yaml runs in the new image: one script for all three. Each part may run on a schema where it finds nothing to do.
# LOCKSTEP_DEPLOYMENT tells apart what one deployment did from what others did.
set -eu
export PGOPTIONS="-c search_path=${SCHEMA:-public}"

psql() { command psql --set ON_ERROR_STOP=1 --quiet "$DATABASE_URL" "$@"; }

case "$LOCKSTEP_MIGRATION" in
  up) # Only adds: the old release goes on with it.
    psql --single-transaction --file sql/up.sql ;;
  undo) # Takes back exactly what `up` did.
    psql --single-transaction --file sql/undo.sql ;;
  contract) # Removes what only the old release needed; the new one is verified, and nothing goes back.
    psql --single-transaction --file sql/contract.sql ;;
  *)
    echo "LOCKSTEP_MIGRATION is $LOCKSTEP_MIGRATION; expected up, undo or contract" >&2
    exit 2 ;;
esac
