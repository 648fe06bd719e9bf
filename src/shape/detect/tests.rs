use super::*;

fn name(line: &str) -> String {
    detect(line.as_bytes(), &Hints::default()).name()
}

#[test]
fn the_envelope_decides_not_what_it_wraps() {
    let message = r#"{"role":"assistant","content":[],"type":"message","stop_reason":"end_turn","usage":{}}"#;
    assert_eq!(name(message), "anthropic.response");
    assert_eq!(name(&format!(r#"{{"type":"assistant","sessionId":"s","uuid":"u","message":{message}}}"#)), "claude_code.entry");
    assert_eq!(
        name(&format!(r#"{{"custom_id":"c","result":{{"type":"succeeded","message":{message}}}}}"#)),
        "anthropic.batch_out"
    );
    assert_eq!(name(&format!(r#"{{"request":{{"x":1}},"response":{message}}}"#)), "gateway.pair");
}

#[test]
fn type_alone_decides_nothing() {
    for kind in ["user", "assistant", "system", "message", "result", "error", "summary", "reasoning", "session", "event", "tool"]
    {
        assert_eq!(name(&format!(r#"{{"type":"{kind}","zone":1}}"#)), "generic", "{kind}");
    }
}

#[test]
fn a_forced_shape_and_no_detection_are_obeyed() {
    let line = br#"{"role":"user","content":"x"}"#;
    let forced = Hints { forced: Some(ShapeId::Sharegpt), ..Hints::default() };
    assert_eq!(detect(line, &forced).shape, ShapeId::Sharegpt);
    let none = Hints { generic_only: true, ..Hints::default() };
    assert_eq!(detect(line, &none).shape, ShapeId::Generic);
}

#[test]
fn an_ordinary_http_log_is_no_model_call() {
    let line = r#"{"request":{"method":"GET","uri":"https://shop.example/cart"},"response":{"status":200,"headers":{}}}"#;
    assert_eq!(name(line), "generic");
}

#[test]
fn an_array_of_records_is_a_batch_of_them() {
    assert_eq!(name(r#"[{"custom_id":"a","body":{}}]"#), "batch:openai.batch_in");
    assert_eq!(name("[1,2,3]"), "tokens.array");
    assert_eq!(name("[]"), "empty");
}
