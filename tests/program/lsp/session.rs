//! The course of a session: what is answered when, and how it ends.

use serde_json::{Value as Json, json};

use super::client::Client;
use crate::support::messages::record;
use crate::support::sandbox::Sandbox;

fn project() -> Sandbox {
    Sandbox::of("data:\n  LOG_LEVEL: info\n", "")
}

#[test]
fn a_session_that_is_shut_down_succeeds() {
    let sandbox = project();
    assert_eq!(Client::open(&sandbox).shut_down(), 0);
}

#[test]
fn a_session_that_breaks_off_fails() {
    let sandbox = project();
    let (code, printed) = Client::open(&sandbox).end();
    assert_eq!(code, 1);
    record(printed);
    let mut client = Client::open(&sandbox);
    client.notify("exit", Json::Null);
    assert_eq!(client.end().0, 1);
    for (bytes, expected) in [
        (b"".as_slice(), "ended without `shutdown`"),
        (b"Content-Length: 99\r\n\r\n{}", "ended without `shutdown`"),
        (b"hello\n", "expected the header `Content-Length`"),
        (b"hello", "expected the header `Content-Length`"),
        (b"\r\n{}", "expected the header `Content-Length`"),
        (b"Content-Length: -1\r\n\r\n{}", "expected the header `Content-Length`"),
        (b"Content-Length: 99999999999\r\n\r\n{}", "expected the header `Content-Length`"),
        (b"\xFF\r\n\r\n", "expected the header `Content-Length`"),
    ] {
        let mut client = Client::start(&sandbox);
        client.send_bytes(bytes);
        let (code, printed) = client.end();
        assert!(code == 1 && printed.contains(expected), "{bytes:?}: {code} {printed}");
    }
}

#[test]
fn what_the_server_can_do_follows_from_the_client() {
    let sandbox = project();
    for encodings in [json!(null), json!(["utf-16"]), json!(["utf-32", "utf-8"])] {
        let mut client = Client::start(&sandbox);
        let capabilities = json!({
            "general": { "positionEncodings": encodings },
            "workspace": { "didChangeWatchedFiles": { "dynamicRegistration": true } },
        });
        let answer = client.request("initialize", json!({ "processId": null, "capabilities": capabilities }));
        let expected = if encodings == json!(["utf-32", "utf-8"]) { "utf-8" } else { "utf-16" };
        assert_eq!(answer["capabilities"]["positionEncoding"], expected);
        client.notify("initialized", json!({}));
        let watch = client.notice();
        assert_eq!(watch["method"], "client/registerCapability");
        client.send(&json!({ "jsonrpc": "2.0", "id": watch["id"], "result": null }));
        if encodings.is_null() {
            record(client.shown(&answer));
        }
        assert_eq!(client.shut_down(), 0);
    }
}

#[test]
fn what_is_no_request_is_refused_and_the_session_goes_on() {
    let sandbox = project();
    let mut client = Client::start(&sandbox);
    let place = json!({ "textDocument": { "uri": "file:///x" }, "position": { "line": 0, "character": 0 } });
    let refused = client.request("textDocument/hover", place.clone());
    let mut shown = vec![format!("before initialize: {}", client.shown(&refused))];
    let mut client = Client::open(&sandbox);
    for body in ["{", "[]", "1", "{}", "{\"id\":{}}", "\u{feff}", "null", ""] {
        client.send_bytes(format!("Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes());
        let refused = client.answer(&Json::Null);
        assert_eq!(refused["error"]["code"], -32700, "{body}");
    }
    for id in ["1.5", "4294967296", "true", "[1]"] {
        let body = format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"textDocument/hover\",\"params\":{{}}}}");
        client.send_bytes(format!("Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes());
        assert_eq!(client.answer(&Json::Null)["error"]["code"], -32600, "{id}");
    }
    for (case, method, params) in [
        ("unknown", "textDocument/nothing", json!({})),
        ("again", "initialize", json!({ "capabilities": {} })),
        ("parameters", "textDocument/hover", json!({ "position": 1 })),
        ("no parameters", "textDocument/completion", Json::Null),
        ("address", "textDocument/hover", json!({ "textDocument": { "uri": "::" }, "position": {} })),
    ] {
        let refused = client.request(method, params);
        shown.push(format!("{case}: {}", client.shown(&refused)));
    }
    client.notify("textDocument/didOpen", json!({ "textDocument": 1 }));
    client.notify("textDocument/didChange", json!([]));
    client.notify("$/setTrace", json!({ "value": "off" }));
    client.notify("nothing", Json::Null);
    client.send(&json!({ "jsonrpc": "2.0", "id": 77, "result": null }));
    assert_eq!(client.request("shutdown", Json::Null), Json::Null);
    let refused = client.request("textDocument/hover", place);
    shown.push(format!("after shutdown: {}", client.shown(&refused)));
    record(shown.join("\n"));
    client.notify("exit", Json::Null);
    assert_eq!(client.end().0, 0);
}

#[test]
fn a_request_that_is_cancelled_before_it_is_taken_is_refused() {
    let sandbox = project();
    let mut client = Client::open(&sandbox);
    let request = json!({ "jsonrpc": "2.0", "id": "a", "method": "textDocument/nothing", "params": {} });
    let cancel = json!({ "jsonrpc": "2.0", "method": "$/cancelRequest", "params": { "id": "a" } });
    // in one write, which the server may still read in parts: then the answer is that of the request
    let frame = |message: &Json| {
        let text = message.to_string();
        format!("Content-Length: {}\r\n\r\n{text}", text.len())
    };
    client.send_bytes((frame(&request) + &frame(&cancel)).as_bytes());
    let code = client.answer(&json!("a"))["error"]["code"].clone();
    assert!(code == -32800 || code == -32601, "{code}");
    // what is not there cannot be cancelled
    client.notify("$/cancelRequest", json!({ "id": 12345 }));
    assert_eq!(client.shut_down(), 0);
}
