#!/usr/bin/env bash
# Plans or applies a CDK app, as Lockstep asks for it: docs/infrastructure-builds.md. The plan is one CloudFormation change set for
# each stack of the app; to apply it is to execute these.
set -euo pipefail

export CI=true
cdk=${CDK:-npx cdk}
# Names of change sets have letters, digits and hyphens only. Both builds, of the plan and of the apply, make the same of theirs.
change_set=lockstep-$LOCKSTEP_DEPLOYMENT
case $LOCKSTEP_WORK in */undo) change_set=$change_set-undo ;; esac

store() { aws s3 cp --only-show-errors "$1" "$LOCKSTEP_WORK/$2"; }
fetch() { aws s3 cp --only-show-errors "$LOCKSTEP_WORK/$1" "$2"; }

# Outputs of all stacks. A key that two stacks have is told of neither: nobody could say which is meant.
tell_outputs() {
  while IFS= read -r stack; do
    aws cloudformation describe-stacks --stack-name "$stack" --output json
  done <stacks.txt | jq -s -f outputs.jq >outputs.json
  store outputs.json outputs.json
}

plan() {
  fetch variables.json variables.json
  # The variables of lockstep.yaml are context: node.tryGetContext('name').
  mapfile -t context < <(jq -r 'to_entries[] | "--context", "\(.key)=\(.value)"' variables.json)
  # The stacks of the app, in the order in which they depend on each other.
  $cdk synth --quiet --output cdk.out "${context[@]}"
  jq -r -f stacks.jq cdk.out/manifest.json >stacks.txt
  $cdk deploy --app cdk.out --all --method=prepare-change-set --change-set-name "$change_set" --require-approval never
  while IFS= read -r stack; do
    # A stack of which nothing changes has no change set.
    aws cloudformation describe-change-set --stack-name "$stack" --change-set-name "$change_set" --include-property-values \
      --output json 2>error.txt || grep -Eq 'ChangeSetNotFound|does not exist' error.txt || {
      cat error.txt >&2
      exit 1
    }
  done <stacks.txt >change-sets.json
  jq -s -f changes.jq change-sets.json >changes.json
  store stacks.txt plan/stacks.txt
  if [ "$(jq '.changes | length' changes.json)" = 0 ]; then
    tell_outputs
  fi
  store changes.json changes.json
}

# Executes a stack's change set and waits for its end. CloudFormation itself puts back a stack of which a change failed.
execute() {
  local stack=$1 before verb
  before=$(aws cloudformation describe-change-set --stack-name "$stack" --change-set-name "$change_set" --query ExecutionStatus \
    --output text 2>error.txt) || {
    grep -Eq 'ChangeSetNotFound|does not exist' error.txt && return
    cat error.txt >&2
    exit 1
  }
  [ "$before" = AVAILABLE ] || return 0
  case $(aws cloudformation describe-stacks --stack-name "$stack" --query 'Stacks[0].StackStatus' --output text) in
    REVIEW_IN_PROGRESS) verb=stack-create-complete ;;
    *) verb=stack-update-complete ;;
  esac
  aws cloudformation execute-change-set --stack-name "$stack" --change-set-name "$change_set"
  aws cloudformation wait "$verb" --stack-name "$stack" || {
    aws cloudformation describe-stack-events --stack-name "$stack" --max-items 30 --output text \
      --query "StackEvents[?ends_with(ResourceStatus, '_FAILED')].[LogicalResourceId, ResourceStatus, ResourceStatusReason]" >&2
    exit 1
  }
}

apply() {
  fetch plan/stacks.txt stacks.txt
  while IFS= read -r stack; do
    execute "$stack"
  done <stacks.txt
  tell_outputs
}

case $LOCKSTEP_VERB in
  plan) plan ;;
  apply) apply ;;
  *)
    echo "LOCKSTEP_VERB is '$LOCKSTEP_VERB', not plan or apply" >&2
    exit 2
    ;;
esac
