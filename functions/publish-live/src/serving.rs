//! The last look before a release counts as verified: what is kept for templates is what serves.

use futures_util::{StreamExt as _, stream};
use lockstep::PhaseError;
use lockstep::lambda::{FunctionChange, still_serves};
use lockstep::plan::{Change, Plan};
use lockstep_lambda::Lambda;

/// How many functions are looked at at the same time.
const AT_ONCE: usize = 16;

/// Looks at every function that the plan changed. The first one that does not serve any more what
/// it was left with is told.
pub(crate) async fn still_serve(lambda: &Lambda, plan: &Plan) -> Result<(), PhaseError> {
    for step in &plan.steps {
        let Change::Functions(step) = &step.change else {
            continue;
        };
        let lambda = lambda.paced(step.rate_per_second, None);
        let looks = stream::iter(&step.functions).map(async |change| look(&lambda, change).await);
        let mut looks = looks.buffered(AT_ONCE);
        while let Some(look) = looks.next().await {
            look?;
        }
    }
    Ok(())
}

/// One look, which takes nothing of the budget of calls; only where the deployment had to do with
/// weights the alias is asked for, too.
async fn look(lambda: &Lambda, change: &FunctionChange) -> Result<(), PhaseError> {
    let (name, alias) = (&change.function, change.alias.as_deref());
    let live = lambda.function(name, alias).await?;
    let alias = match alias {
        Some(alias) if change.shares_traffic() => lambda.alias(name, alias).await?,
        _ => None,
    };
    still_serves(change, live.as_ref(), alias.as_ref())
}
