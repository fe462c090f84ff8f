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

/// One look at what serves, and one at the alias: only that one shows weights, which anybody can
/// have set meanwhile. The latter takes a call of the budget.
async fn look(lambda: &Lambda, change: &FunctionChange) -> Result<(), PhaseError> {
    let (name, alias) = (&change.function, change.alias.as_deref());
    let live = lambda.function(name, alias).await?;
    let alias = match alias {
        Some(alias) => lambda.alias(name, alias).await?,
        None => None,
    };
    still_serves(change, live.as_ref(), alias.as_ref())
}
