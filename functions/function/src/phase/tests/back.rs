//! What is put back, and where from.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use lockstep_lambda::Lambda;

use super::world::FakeLambda;
use super::{FLEET, lambda, phase, phase_of, put_back, run, serving, step};

#[tokio::test(start_paused = true)]
async fn one_broken_function_stops_the_others_and_all_are_put_back() {
    let fake = lambda(&FLEET);
    let before = serving(&fake, &FLEET);
    fake.breaks("configured");
    let step = step(&fake, &FLEET);
    let phase = phase(&fake);
    let error = run(&phase, &step).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "function configured:live: the update failed: \
         Lambda cannot use the image; it must be built for Lambda, for the function's architecture (InvalidImage)"
    );
    let summary = put_back(&phase, &step).await.unwrap();
    assert_eq!(summary, "4 of 4 functions are as before");
    assert_eq!(serving(&fake, &FLEET), before);
    // Nothing is left to do: four looks, and not one call of those that are few.
    let calls = (fake.calls(), fake.count("PUT"), fake.count("aliases"));
    put_back(&phase, &step).await.unwrap();
    let (all, ..) = calls;
    assert_eq!(
        (all + 4, calls.1, calls.2),
        (fake.calls(), fake.count("PUT"), fake.count("aliases"))
    );
}

/// Gives the code of versions, as presigned addresses do.
fn serve_code(fake: FakeLambda) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 1024];
            let read = stream.read(&mut request).unwrap();
            let line = String::from_utf8_lossy(&request[..read]).into_owned();
            let mut path = line.split(' ').nth(1).unwrap().trim_matches('/').split('/');
            let zip = fake.zip(path.next().unwrap(), path.next().unwrap().parse().unwrap());
            let head = format!("content-length: {}\r\nconnection: close", zip.len());
            write!(stream, "HTTP/1.1 200 OK\r\n{head}\r\n\r\n").unwrap();
            stream.write_all(&zip).unwrap();
        }
    });
    address
}

#[tokio::test]
async fn code_that_no_release_has_comes_back_from_the_version_published_before() {
    let fleet = [("direct", false, true)];
    let fake = lambda(&fleet);
    let before = serving(&fake, &fleet);
    let mut step = step(&fake, &fleet);
    step.functions[0].put_back = None;
    let endpoint = serve_code(fake.clone());
    let phase = phase_of(Lambda::new(fake.client(), Some(endpoint)));
    run(&phase, &step).await.unwrap();
    assert_ne!(serving(&fake, &fleet), before);
    let summary = put_back(&phase, &step).await.unwrap();
    assert_eq!(summary, "function direct runs its previous code");
    assert_eq!(serving(&fake, &fleet), before);
}
