//! How long a function takes to start, and to answer an event that makes it call AWS over TLS.

use std::time::Duration;

use tempfile::NamedTempFile;

use crate::Result;
use crate::aws_call::Stub;
use crate::handlers::{HANDLERS, HELLO, SYSTEM_ROOTS, environment, event, program};
use crate::runtime_api::{Start, start_once};
use crate::stats::{median, milliseconds, percentile, ratio};
use crate::table::{Bounds, Row, print};

/// The most that a handler's start may be of the floor's.
const START: f64 = 2.2;
/// The most that the answer to an event with one TLS call may be of the floor's answer.
const CALL: f64 = 4.0;

/// What is measured of one program.
#[derive(Debug, Default)]
struct Samples {
    first_poll: Vec<Duration>,
    /// The first poll where nothing tells the function where the certificates are.
    without_roots: Vec<Duration>,
    answer: Vec<Duration>,
    handshakes: usize,
    calls: usize,
}

/// Measures all programs in turns, so that a busy moment of the machine hits all alike.
pub fn run(runs: usize, bounds: &mut Bounds) -> Result<()> {
    let bench = Bench::new()?;
    let mut hello = Samples::default();
    let mut handlers: Vec<Samples> = HANDLERS.iter().map(|_| Samples::default()).collect();
    // The first round reads the programs from disk and does not count.
    for round in 0..=runs {
        if round == 1 {
            hello = Samples::default();
            handlers.fill_with(Samples::default);
        }
        bench.sample(HELLO, &mut hello)?;
        for (name, samples) in HANDLERS.iter().zip(&mut handlers) {
            bench.sample(name, samples)?;
        }
    }
    print_starts(&hello, &handlers, bounds);
    print_calls(&hello, &handlers, runs, bounds);
    print_spread(&hello, &handlers);
    Ok(())
}

struct Bench {
    stub: Stub,
    /// The system's certificates and the stub's: reading them all is part of a real first call.
    roots: NamedTempFile,
}

impl Bench {
    fn new() -> Result<Self> {
        let stub = Stub::start()?;
        let system = std::fs::read_to_string(SYSTEM_ROOTS)
            .map_err(|error| format!("{SYSTEM_ROOTS}: {error}"))?;
        let roots = NamedTempFile::new()?;
        std::fs::write(roots.path(), format!("{system}\n{}", stub.certificate))?;
        Ok(Self { stub, roots })
    }

    fn sample(&self, name: &str, samples: &mut Samples) -> Result<()> {
        samples
            .first_poll
            .push(self.start(name, true, None)?.first_poll);
        samples
            .without_roots
            .push(self.start(name, false, None)?.first_poll);
        let event = event(name).to_string();
        self.stub.take_counts();
        let answer = self.start(name, true, Some(&event))?.answer;
        let (handshakes, calls) = self.stub.take_counts();
        samples.answer.extend(answer);
        samples.handshakes += handshakes;
        samples.calls += calls;
        Ok(())
    }

    fn start(&self, name: &str, roots: bool, event: Option<&str>) -> Result<Start> {
        let variables = |api: &str| {
            let mut variables = environment(name, api, &self.stub.endpoint);
            if roots {
                let file = self.roots.path().display().to_string();
                variables.push(("SSL_CERT_FILE", file));
            }
            variables
        };
        start_once(program(name).as_os_str(), variables, event)
    }
}

fn print_starts(hello: &Samples, handlers: &[Samples], bounds: &mut Bounds) {
    let floor = median(&hello.first_poll);
    let row = |name: &str, samples: &Samples| {
        let time = median(&samples.first_poll);
        Row {
            what: name.to_owned(),
            measured: milliseconds(time),
            against: milliseconds(floor),
            value: ratio(time, floor),
            bound: Some(START),
            unit: "×",
        }
    };
    let rows: Vec<Row> = rows(handlers, row);
    bounds.print(
        "Process start to first poll, against a bare function",
        &rows,
    );
}

fn print_calls(hello: &Samples, handlers: &[Samples], runs: usize, bounds: &mut Bounds) {
    let floor = median(&hello.answer);
    let row = |name: &str, samples: &Samples| {
        let time = median(&samples.answer);
        let (handshakes, calls) = (samples.handshakes / runs, samples.calls / runs);
        Row {
            what: format!("{name} (connections: {handshakes}, calls: {calls})"),
            measured: milliseconds(time),
            against: milliseconds(floor),
            value: ratio(time, floor),
            bound: (calls == 1).then_some(CALL),
            unit: "×",
        }
    };
    let rows = rows(handlers, row);
    bounds.print(
        "Process start to answer with a TLS call, against a bare function's answer",
        &rows,
    );
}

fn rows(handlers: &[Samples], row: impl Fn(&str, &Samples) -> Row) -> Vec<Row> {
    let named = HANDLERS.iter().zip(handlers);
    named.map(|(name, samples)| row(name, samples)).collect()
}

fn print_spread(hello: &Samples, handlers: &[Samples]) {
    let line = |name: &str, samples: &Samples| {
        vec![
            name.to_owned(),
            milliseconds(percentile(&samples.first_poll, 1)),
            milliseconds(median(&samples.first_poll)),
            milliseconds(percentile(&samples.first_poll, 95)),
            milliseconds(median(&samples.without_roots)),
        ]
    };
    let mut lines = vec![line("bare function", hello)];
    lines.extend(
        HANDLERS
            .iter()
            .zip(handlers)
            .map(|(name, samples)| line(name, samples)),
    );
    let head = [
        "start to first poll",
        "least",
        "median",
        "95 %",
        "median without SSL_CERT_FILE",
    ];
    print(
        "Spread, and what looking for certificates costs",
        &head,
        &lines,
    );
}
