//! soketto: its extension alone, without frames. The level is fixed (1), and the codecs are made anew for each
//! message. It leaves the check of text to its user.

use bytes::Bytes;
use soketto::Storage;
use soketto::base::{Header, OpCode};
use soketto::connection::Mode;
use soketto::extension::{Extension, deflate::Deflate};

use super::RoundTrip;

/// Two ends.
#[derive(Debug)]
pub struct Pair {
    server: Deflate,
    client: Deflate,
}

impl Default for Pair {
    fn default() -> Self {
        Self { server: Deflate::new(Mode::Server), client: Deflate::new(Mode::Client) }
    }
}

impl RoundTrip for Pair {
    fn round(&mut self, message: &Bytes, told: &mut dyn FnMut(&[u8])) -> usize {
        let mut header = Header::new(OpCode::Text);
        let mut data = Storage::Shared(message);
        self.server.encode(&mut header, &mut data).expect("it can be compressed");
        let Storage::Owned(mut data) = data else { panic!("it is compressed into its own buffer") };
        let wire = data.len();
        self.client.decode(&mut header, &mut data).expect("valid");
        told(std::str::from_utf8(&data).expect("text").as_bytes());
        wire
    }
}
