//! Faults for tests. There are none until a test installs one: no command and no option can.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use http::{HeaderMap, Response, StatusCode};
use hyper::body::Bytes;

use super::calls::CallName;
use super::upstream::{Body, full};

/// What happens to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The emulator is not asked; the caller gets `AccessDeniedException` (400).
    RefuseBefore,
    /// The emulator is not asked; the caller gets `InternalFailure` (500).
    ServerErrorBefore,
    /// The emulator is not asked; the caller gets `ThrottlingException` (400).
    Throttle,
    /// The emulator acts, and the connection closes without an answer.
    LoseAnswer,
    /// The calling process is killed (SIGKILL) and the emulator not asked.
    KillBefore,
    /// The emulator acts, then the calling process is killed (SIGKILL).
    KillAfter,
    /// The emulator acts, and the caller gets its answer with `to` in every place of `from`.
    Alter {
        /// What the emulator says.
        from: String,
        /// What the caller gets to hear.
        to: String,
    },
    /// The emulator is not asked; the caller gets this.
    Respond {
        /// HTTP status.
        status: u16,
        /// JSON body.
        body: String,
    },
}

type Matches = Box<dyn Fn(&CallName) -> bool + Send + Sync>;

/// Which calls a fault hits.
pub struct FaultRule {
    matches: Matches,
    says: String,
    fault: Fault,
    skip: usize,
    times: usize,
}

impl FaultRule {
    /// Hits every call that `matches` accepts.
    pub fn new(fault: Fault, matches: impl Fn(&CallName) -> bool + Send + Sync + 'static) -> Self {
        Self {
            matches: Box::new(matches),
            says: String::new(),
            fault,
            skip: 0,
            times: usize::MAX,
        }
    }

    /// Hits the calls of one function (or tool) to one operation.
    pub fn on(caller: &str, operation: &str, fault: Fault) -> Self {
        let (caller, operation) = (caller.to_owned(), operation.to_owned());
        Self::new(fault, move |call| {
            call.caller == caller && call.operation == operation
        })
    }

    /// Only calls whose request contains this text, in its path or in its body, such as the name of one service.
    #[must_use]
    pub fn that_says(self, text: &str) -> Self {
        Self {
            says: text.to_owned(),
            ..self
        }
    }

    /// Only the `n`th fitting call (1 is the first), and none after it.
    #[must_use]
    pub fn nth(self, n: usize) -> Self {
        Self {
            skip: n.saturating_sub(1),
            times: 1,
            ..self
        }
    }

    /// At most this many calls.
    #[must_use]
    pub fn times(self, times: usize) -> Self {
        Self { times, ..self }
    }
}

/// Tells how often an installed rule has struck.
#[derive(Debug, Clone, Default)]
pub struct FaultHandle {
    fired: Arc<AtomicUsize>,
}

impl FaultHandle {
    /// How many calls were hit so far.
    pub fn fired(&self) -> usize {
        self.fired.load(Ordering::SeqCst)
    }
}

struct Installed {
    rule: FaultRule,
    fitted: usize,
    handle: FaultHandle,
}

/// The installed rules.
#[derive(Default)]
pub(super) struct Faults {
    rules: Mutex<Vec<Installed>>,
}

impl Faults {
    pub(super) fn install(&self, rule: FaultRule) -> FaultHandle {
        let handle = FaultHandle::default();
        let installed = Installed {
            rule,
            fitted: 0,
            handle: handle.clone(),
        };
        self.rules
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(installed);
        handle
    }

    pub(super) fn clear(&self) {
        self.rules
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    /// The fault for this call, counting it against the rules it fits.
    pub(super) fn strike(&self, call: &CallName, path: &str, request: &[u8]) -> Option<Fault> {
        let request = format!("{path}\n{}", String::from_utf8_lossy(request));
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        rules
            .iter_mut()
            .find_map(|installed| installed.strike(call, &request))
    }
}

impl Installed {
    fn strike(&mut self, call: &CallName, request: &str) -> Option<Fault> {
        if !request.contains(&self.rule.says) || !(self.rule.matches)(call) {
            return None;
        }
        self.fitted += 1;
        if self.fitted <= self.rule.skip || self.handle.fired() >= self.rule.times {
            return None;
        }
        self.handle.fired.fetch_add(1, Ordering::SeqCst);
        Some(self.rule.fault.clone())
    }
}

/// The answer of a fault that keeps the call from the emulator, in the form the caller's protocol has for errors.
pub(super) fn answer(fault: &Fault, headers: &HeaderMap) -> Option<Response<Body>> {
    let (status, code, message) = match fault {
        Fault::RefuseBefore => (
            400,
            "AccessDeniedException",
            "not authorized to perform this action (injected)",
        ),
        Fault::ServerErrorBefore => (500, "InternalFailure", "the service failed (injected)"),
        Fault::Throttle => (400, "ThrottlingException", "Rate exceeded (injected)"),
        Fault::Respond { status, body } => {
            return Some(respond(*status, "application/json", None, body.clone()));
        }
        Fault::LoseAnswer | Fault::KillBefore | Fault::KillAfter | Fault::Alter { .. } => {
            return None;
        }
    };
    Some(error(headers, status, code, message))
}

/// The altered body of an answer; `None` for every other fault.
pub(super) fn altered(fault: &Fault, answer: &[u8]) -> Option<String> {
    let Fault::Alter { from, to } = fault else {
        return None;
    };
    Some(String::from_utf8_lossy(answer).replace(from, to))
}

fn error(headers: &HeaderMap, status: u16, code: &str, message: &str) -> Response<Body> {
    let is_form = headers
        .get("content-type")
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.starts_with("application/x-www-form-urlencoded"));
    if is_form {
        let kind = if status < 500 { "Sender" } else { "Receiver" };
        let body = format!(
            "<ErrorResponse><Error><Type>{kind}</Type><Code>{code}</Code><Message>{message}</Message></Error><RequestId>injected</RequestId></ErrorResponse>"
        );
        return respond(status, "text/xml", None, body);
    }
    if headers.contains_key("smithy-protocol") {
        let mut response = respond(status, "application/cbor", Some(code), cbor(code, message));
        let protocol = http::HeaderValue::from_static("rpc-v2-cbor");
        response.headers_mut().insert("smithy-protocol", protocol);
        return response;
    }
    let body = serde_json::json!({"__type": code, "message": message}).to_string();
    respond(status, "application/x-amz-json-1.1", Some(code), body)
}

/// The same error in CBOR (RFC 8949): a map of two texts, each with its length in one byte.
fn cbor(code: &str, message: &str) -> Vec<u8> {
    let mut body = vec![0xa2];
    for text in ["__type", code, "message", message] {
        body.push(0x78);
        body.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
        body.extend(text.bytes().take(u8::MAX.into()));
    }
    body
}

fn respond(
    status: u16,
    content_type: &'static str,
    error: Option<&str>,
    body: impl Into<Bytes>,
) -> Response<Body> {
    let mut response = Response::new(full(body));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
        .headers_mut()
        .insert("content-type", http::HeaderValue::from_static(content_type));
    if let Some(Ok(error)) = error.map(http::HeaderValue::from_str) {
        response.headers_mut().insert("x-amzn-errortype", error);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(caller: &str, operation: &str) -> CallName {
        CallName {
            service: "ecs".into(),
            operation: operation.into(),
            caller: caller.into(),
        }
    }

    #[test]
    fn hits_the_nth_call_of_one_function_only() {
        let faults = Faults::default();
        let handle = faults
            .install(FaultRule::on("lockstep-service", "UpdateService", Fault::LoseAnswer).nth(2));
        assert_eq!(
            faults.strike(&call("lockstep-service", "UpdateService"), "/", b""),
            None
        );
        assert_eq!(
            faults.strike(&call("lockstep-plan", "UpdateService"), "/", b""),
            None
        );
        assert_eq!(
            faults.strike(&call("lockstep-service", "UpdateService"), "/", b""),
            Some(Fault::LoseAnswer)
        );
        assert_eq!(
            faults.strike(&call("lockstep-service", "UpdateService"), "/", b""),
            None
        );
        assert_eq!(handle.fired(), 1);
    }

    #[test]
    fn hits_until_its_times_are_up_and_nothing_once_cleared() {
        let faults = Faults::default();
        faults.install(FaultRule::new(Fault::Throttle, |_| true).times(2));
        assert_eq!(
            faults.strike(&call("a", "X"), "/", b""),
            Some(Fault::Throttle)
        );
        assert_eq!(
            faults.strike(&call("b", "Y"), "/", b""),
            Some(Fault::Throttle)
        );
        assert_eq!(faults.strike(&call("c", "Z"), "/", b""), None);
        faults.install(FaultRule::new(Fault::RefuseBefore, |_| true));
        faults.clear();
        assert_eq!(faults.strike(&call("c", "Z"), "/", b""), None);
    }

    #[test]
    fn hits_only_calls_that_say_the_text() {
        let faults = Faults::default();
        faults.install(FaultRule::new(Fault::Throttle, |_| true).that_says("web"));
        let call = call("a", "X");
        assert_eq!(faults.strike(&call, "/", br#"{"service":"api"}"#), None);
        let hit = faults.strike(&call, "/", br#"{"service":"web"}"#);
        assert_eq!(hit, Some(Fault::Throttle));
        let hit = faults.strike(&call, "/functions/web", b"");
        assert_eq!(hit, Some(Fault::Throttle));
    }

    #[test]
    fn an_answer_is_altered_and_no_other_fault_alters_one() {
        let fault = Fault::Alter {
            from: "Successful".into(),
            to: "Failed".into(),
        };
        let told = altered(&fault, br#"{"LastUpdateStatus":"Successful"}"#);
        assert_eq!(told.as_deref(), Some(r#"{"LastUpdateStatus":"Failed"}"#));
        assert_eq!(altered(&Fault::KillAfter, b"{}"), None);
        assert!(answer(&fault, &HeaderMap::new()).is_none());
    }

    #[test]
    fn an_error_has_the_form_of_the_callers_protocol() {
        let json = answer(&Fault::Throttle, &HeaderMap::new());
        assert!(json.is_some_and(
            |response| response.headers()["x-amzn-errortype"] == "ThrottlingException"
        ));
        let mut form = HeaderMap::new();
        form.insert(
            "content-type",
            http::HeaderValue::from_static("application/x-www-form-urlencoded; charset=utf-8"),
        );
        let xml = answer(&Fault::RefuseBefore, &form);
        assert!(xml.is_some_and(|response| response.headers()["content-type"] == "text/xml"));
        assert!(answer(&Fault::LoseAnswer, &HeaderMap::new()).is_none());
    }
}
