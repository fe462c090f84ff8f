# From cdk.out/manifest.json to the names of the app's stacks, each after those that it depends on.
.artifacts
| with_entries(select(.value.type == "aws:cloudformation:stack"))
| . as $stacks
| def order($done; $left):
    if $left == [] then $done
    else
      [$left[] | select(. as $it | all(($stacks[$it].dependencies // [])[]; . as $needs | ($stacks[$needs] == null) or ($done | index($needs)) != null))] as $next
      | if $next == [] then error("the stacks depend on each other in a circle: \($left | join(", "))")
        else order($done + $next; $left - $next)
        end
    end;
order([]; keys)[]
| $stacks[.].properties.stackName // .
