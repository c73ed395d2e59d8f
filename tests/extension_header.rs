//! `Sec-WebSocket-Extensions`: the grammar of RFC 6455 section 9.1.
#![cfg(feature = "handshake")]

use hybi::handshake::{Extension, HandshakeError, Param, parse_extensions};
use proptest::prelude::*;

#[test]
fn section_9_1_the_examples_are_read() {
    assert_eq!(read("foo"), ["foo"]);
    assert_eq!(read("bar; baz=2"), ["bar; baz=2"]);
    assert_eq!(read("foo, bar; baz=2"), ["foo", "bar; baz=2"]);
    assert_eq!(read("deflate-stream"), ["deflate-stream"]);
    let list = "mux; max-channels=4; flow-control, deflate-stream";
    assert_eq!(read(list), ["mux; max-channels=4; flow-control", "deflate-stream"]);
    assert_eq!(read("private-extension"), ["private-extension"]);
}

#[test]
fn names_parameters_and_values_are_kept_in_order() {
    let found = parse_extensions([&b"a; b; c=1; b=2"[..]]).expect("it keeps the grammar");
    let param =
        |name: &str, value: Option<&str>| Param { name: name.into(), value: value.map(Into::into) };
    let params = vec![param("b", None), param("c", Some("1")), param("b", Some("2"))];
    assert_eq!(found, [Extension { name: "a".into(), params }]);
}

#[test]
fn section_9_1_a_quoted_value_is_the_token_in_it() {
    for value in [r#""10""#, r#""1\0""#, r#""\1\0""#, "10"] {
        assert_eq!(read(&format!("a; b={value}")), ["a; b=10"], "{value}");
    }
}

#[test]
fn section_9_1_a_quoted_value_that_is_no_token_is_refused() {
    for value in [
        r#""""#, r#"" 1""#, r#""1 0""#, r#""1,0""#, r#""1;0""#, r#""\"""#, r#""\\""#, r#""ä""#,
        "\"\t\"",
    ] {
        refuse(&format!("a; b={value}"));
    }
}

#[test]
fn section_9_1_a_value_that_breaks_the_grammar_is_refused() {
    for value in [
        "",
        " ",
        ",",
        ", ,",
        ";",
        "=",
        "a;",
        "a; ",
        "a;;b",
        "a; =1",
        "a; b=",
        "a; b= ",
        "a b",
        "a; b c",
        "a; b=c d",
        "a; b=c=d",
        "a=b",
        "\"a\"",
        "a; \"b\"",
        "a; b=\"",
        "a; b=\"c",
        "a; b=\"c\\",
        "a; b=\"c\"d",
        "a; b=c\"d\"",
        "a/b",
        "a; b/c",
        "a; b=c/d",
        "(a)",
        "a\0",
        "ä",
        "a;\u{b}b",
    ] {
        refuse(value);
    }
}

/// RFC 9110 section 5.6.1.2 and the "implied *LWS" of RFC 6455 section 4.3.
#[test]
fn space_and_empty_elements_do_not_matter() {
    for value in
        [" a;b=1,c ", "\ta ; b = 1 ,\tc\t", ",a;b=1,,c,", " , a; b=1 , , c , ", "a;b=\"1\",c"]
    {
        assert_eq!(read(value), ["a; b=1", "c"], "{value:?}");
    }
}

/// Section 11.3.2: in a request the field may stand on several lines.
#[test]
fn section_11_3_2_several_lines_are_one_list() {
    let found = parse_extensions([&b"a; b"[..], b"c, d", b"e"]).expect("each keeps the grammar");
    let names: Vec<_> = found.iter().map(|extension| extension.name.as_str()).collect();
    assert_eq!(names, ["a", "c", "d", "e"]);
    assert!(parse_extensions([]).expect("there is nothing to break").is_empty());
    assert!(parse_extensions([&b"a"[..], b"b;"]).is_err());
}

#[test]
fn the_first_32_extensions_are_kept_and_the_others_read() {
    for (count, kept) in [(31, 31), (32, 32), (33, 32), (1000, 32)] {
        let list = vec!["a"; count].join(",");
        assert_eq!(read(&list).len(), kept, "{count}");
    }
    refuse(&format!("{},a;", ["a"; 100].join(",")));
    // Each with its own parameters.
    let list: Vec<_> = (1..=40).map(|number| format!("a; b={number}")).collect();
    let kept: Vec<_> = list[..32].to_vec();
    assert_eq!(read(&list.join(", ")), kept);
}

#[test]
fn the_first_32_parameters_of_an_extension_are_kept_and_the_others_read() {
    for (count, kept) in [(32, 32), (33, 32), (7000, 32)] {
        let value = format!("a{}", ";b".repeat(count));
        let extensions = parse_extensions([value.as_bytes()]).expect("it is good");
        assert_eq!(extensions[0].params.len(), kept, "{count}");
    }
    refuse(&format!("a{};=", ";b".repeat(100)));
}

/// Names that are special elsewhere are names like all others.
#[test]
fn names_mean_nothing_to_the_grammar() {
    for name in ["constructor", "__proto__", "PERMESSAGE-DEFLATE", "!#$%&'*+-.^_`|~"] {
        assert_eq!(read(name), [name]);
    }
}

proptest! {
    #[test]
    fn what_is_printed_is_read_again(extensions in prop::collection::vec(extension(), 1..8)) {
        let list: Vec<_> = extensions.iter().map(ToString::to_string).collect();
        let joined = list.join(", ");
        let together = parse_extensions([joined.as_bytes()]).expect("we have written it");
        prop_assert_eq!(&together, &extensions);
        let apart = parse_extensions(list.iter().map(String::as_bytes)).expect("we have written it");
        prop_assert_eq!(&apart, &extensions);
    }

    /// To read, print and read again changes nothing, whatever came.
    #[test]
    fn printing_keeps_the_meaning(value in r#"[ab ,;="\\\t]{0,40}"#) {
        if let Ok(found) = parse_extensions([value.as_bytes()]) {
            let printed = found.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let again = parse_extensions([printed.as_bytes()]).expect("we have written it");
            prop_assert_eq!(again, found);
        }
    }
}

fn extension() -> impl Strategy<Value = Extension> {
    let param = (TOKEN, prop::option::of(TOKEN)).prop_map(|(name, value)| Param { name, value });
    (TOKEN, prop::collection::vec(param, 0..4))
        .prop_map(|(name, params)| Extension { name, params })
}

const TOKEN: &str = "[a-zA-Z0-9!#$%&'*+.^_`|~-]{1,10}";

#[track_caller]
fn read(value: &str) -> Vec<String> {
    let found = parse_extensions([value.as_bytes()]).expect("the value keeps the grammar");
    found.iter().map(ToString::to_string).collect()
}

#[track_caller]
fn refuse(value: &str) {
    match parse_extensions([value.as_bytes()]) {
        Err(HandshakeError::InvalidHeader("Sec-WebSocket-Extensions")) => {}
        other => panic!("{value:?} breaks the grammar: {other:?}"),
    }
}
