//! Echo servers, one thread each, all in one program: what is measured over loopback by [`crate::echo`].

mod fastwebsockets;
mod floor;
mod hybi;
mod raw;
pub mod shake;
mod sink;
mod sockudo;
mod soketto;
mod tokio_websockets;
mod tungstenite;
mod wtx;
mod yawc;

use std::error::Error;
use std::io::BufRead;
use std::net::TcpListener;

use tokio::net::TcpStream;

/// How a conversation ended; nobody looks at errors, since who measures sees whether all has been echoed.
type Ended = Result<(), Box<dyn Error + Send + Sync>>;

/// More than any message has.
const LIMIT: usize = 64 * 1024 * 1024;

/// What a server's buffer takes in one read, where one can choose.
const READ: usize = 16 * 1024;

/// A server's name and what it does for ever.
type Server = (&'static str, fn(TcpListener) -> !);

const SERVERS: [Server; 18] = [
    ("raw", |listener| serve(listener, raw::echo)),
    ("floor", |listener| serve(listener, floor::echo)),
    ("hybi", |listener| serve(listener, hybi::feed)),
    ("hybi-borrowed", |listener| serve(listener, hybi::borrowed)),
    ("hybi-send", |listener| serve(listener, hybi::send)),
    ("tungstenite", tungstenite::serve_with_threads),
    ("tokio-tungstenite", |listener| serve(listener, tungstenite::send)),
    ("tokio-tungstenite-batch", |listener| serve(listener, tungstenite::batch)),
    ("tokio-tungstenite-default", |listener| serve(listener, tungstenite::send_default)),
    ("fastwebsockets", |listener| serve(listener, fastwebsockets::echo)),
    ("tokio-websockets", |listener| serve(listener, tokio_websockets::send)),
    ("tokio-websockets-batch", |listener| serve(listener, tokio_websockets::batch)),
    ("yawc", |listener| serve(listener, yawc::send)),
    ("yawc-batch", |listener| serve(listener, yawc::batch)),
    ("sockudo-ws", |listener| serve(listener, sockudo::send)),
    ("sockudo-ws-batch", |listener| serve(listener, sockudo::batch)),
    ("wtx", |listener| serve(listener, wtx::echo)),
    ("soketto", |listener| serve(listener, soketto::echo)),
];

/// The main function of a program that is one of the servers: its name is the argument. It prints its port,
/// answers each line on its standard input with what `count` says, and ends with that input.
pub fn main(count: fn() -> u64) -> ! {
    let name = std::env::args().nth(1).expect("usage: echo-server NAME");
    let (_, run) = SERVERS.iter().find(|(known, _)| *known == name).expect("a known server");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    println!("{}", listener.local_addr().expect("it is bound").port());
    std::thread::spawn(move || {
        for _ in std::io::stdin().lock().lines() {
            println!("{}", count());
        }
        std::process::exit(0);
    });
    run(listener)
}

/// Accepts connections and lets `echo` answer each, in one thread.
fn serve<F>(listener: TcpListener, echo: fn(TcpStream) -> F) -> !
where
    F: Future<Output = Ended> + Send + 'static,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        listener.set_nonblocking(true).expect("it can be set");
        let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
        loop {
            let (stream, _) = listener.accept().await.expect("there are enough descriptors");
            stream.set_nodelay(true).expect("it can be set");
            tokio::spawn(echo(stream));
        }
    })
}
