//! yawc: two connections over a pipe in memory, since its compressor cannot be made alone.

use bytes::Bytes;
use futures::SinkExt;
use yawc::{Frame, Options, Role, WebSocket};

use super::{Context, LEVEL, RoundTrip};
use crate::pipe::{End, Meter, now, pair};

pub(super) struct Pair {
    server: WebSocket<End>,
    client: WebSocket<End>,
    meter: Meter,
}

impl Pair {
    pub(super) fn new(context: Context) -> Self {
        let options = || {
            Options::default()
                .with_compression_level(flate2::Compression::new(LEVEL.into()))
                .with_compression_threshold(0)
                .with_utf8()
        };
        let agreed = match context {
            Context::Kept => "permessage-deflate",
            Context::Reset => {
                "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
            }
        };
        let open = |end, role| {
            WebSocket::from_stream_with_extensions(end, role, Some(agreed), options())
                .expect("compression is agreed on")
        };
        let (near, far) = pair();
        let meter = far.meter();
        Self { server: open(near, Role::Server), client: open(far, Role::Client), meter }
    }
}

impl RoundTrip for Pair {
    fn round(&mut self, message: &Bytes, told: &mut dyn FnMut(&[u8])) -> usize {
        now(self.server.send(Frame::text(message.clone()))).expect("there is room");
        let wire = self.meter.waiting();
        let frame = now(self.client.next_frame()).expect("a message was sent");
        told(frame.payload());
        wire
    }
}
