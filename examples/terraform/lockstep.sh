#!/usr/bin/env bash
# Plans or applies with Terraform or OpenTofu, as Lockstep asks for it: docs/infrastructure-builds.md.
set -euo pipefail

tool=${TOOL:-terraform}
export TF_IN_AUTOMATION=1 TF_INPUT=0

# A saved plan names files by their absolute paths, and CodeBuild unpacks the source somewhere else in every build.
here=/tmp/lockstep-$LOCKSTEP_APPLICATION-$LOCKSTEP_ENVIRONMENT-$LOCKSTEP_COMPONENT
rm -rf "$here"
mkdir -p "$here"
cp -R ./. "$here"
cd "$here"

store() { aws s3 cp --only-show-errors "$1" "$LOCKSTEP_WORK/$2"; }
fetch() { aws s3 cp --only-show-errors "$LOCKSTEP_WORK/$1" "$2"; }

# What may be told to others: every output that is not sensitive.
tell_outputs() {
  "$tool" output -no-color -json | jq -f outputs.jq >outputs.json
  store outputs.json outputs.json
}

case $LOCKSTEP_VERB in
  plan)
    "$tool" init -no-color -lockfile=readonly
    fetch variables.json variables.tfvars.json
    # Another plan, of a deployment that was stopped, may still hold the state's lock.
    "$tool" plan -no-color -lock-timeout=10m -var-file=variables.tfvars.json -out=tfplan
    "$tool" show -no-color -json tfplan | jq -f changes.jq >changes.json
    store tfplan plan/tfplan
    if [ "$(jq '.changes | length' changes.json)" = 0 ]; then
      tell_outputs
    fi
    store changes.json changes.json
    ;;
  apply)
    "$tool" init -no-color -lockfile=readonly
    fetch plan/tfplan tfplan
    # Terraform refuses a plan that was made before the state changed: nothing else than what was planned is ever applied.
    "$tool" apply -no-color -lock-timeout=10m tfplan
    tell_outputs
    ;;
  *)
    echo "LOCKSTEP_VERB is '$LOCKSTEP_VERB', not plan or apply" >&2
    exit 2
    ;;
esac
