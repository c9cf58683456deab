use super::*;

fn spec(prompt: &str, tools: &[&str]) -> AgentSpec {
    AgentSpec {
        name: "Reader".to_owned(),
        system_prompt: prompt.to_owned(),
        tools: tools.iter().map(|name| ToolGrant::new(*name)).collect(),
        ..AgentSpec::default()
    }
}

fn fields(merged: &Merge) -> Vec<&str> {
    merged.conflicts.iter().map(|conflict| conflict.field.as_str()).collect()
}

fn names<T>(things: &[T], name: fn(&T) -> &str) -> Vec<&str> {
    things.iter().map(name).collect()
}

#[test]
fn each_side_keeps_what_it_changed() {
    let base = spec("Read.", &["calculator", "datetime"]);
    let mine = AgentSpec { name: "Mine".to_owned(), ..spec("Read.", &["datetime"]) };
    let theirs = spec("Read well.", &["calculator", "datetime", "http_fetch"]);
    let merged = merge(&base, &mine, &theirs, &Choices::new());
    assert_eq!(merged.conflicts, []);
    assert_eq!(
        (merged.spec.name.as_str(), merged.spec.system_prompt.as_str()),
        ("Mine", "Read well.")
    );
    let tools = names(&merged.spec.tools, tool_name);
    assert_eq!(tools, ["datetime", "http_fetch"], "what I took off stays off");
    assert_eq!(Widening::between(&mine, &merged.spec).tools, ["http_fetch"]);
}

#[test]
fn what_both_changed_stays_mine_unless_theirs_is_chosen() {
    let base = spec("Read.", &["calculator"]);
    let mut mine = spec("Read aloud.", &["calculator"]);
    let mut theirs = spec("Read well.", &["calculator"]);
    mine.tools[0].needs_approval = true;
    theirs.tools[0].hosts = vec!["example.org".to_owned()];
    let merged = merge(&base, &mine, &theirs, &Choices::new());
    assert_eq!(fields(&merged), ["system_prompt.1", "tools.calculator"]);
    let texts = (merged.conflicts[0].mine.as_deref(), merged.conflicts[0].theirs.as_deref());
    assert_eq!(texts, (Some("Read aloud."), Some("Read well.")));
    assert_eq!(merged.spec, mine);
    let chosen = merge(&base, &mine, &theirs, &merged.all_theirs());
    assert_eq!(chosen.conflicts, merged.conflicts);
    assert_eq!(chosen.spec, theirs);
    let one = Choices::from([("system_prompt.1".to_owned(), Side::Theirs)]);
    let one = merge(&base, &mine, &theirs, &one).spec;
    assert_eq!((&*one.system_prompt, &one.tools), ("Read well.", &mine.tools));
    let same = merge(&base, &theirs, &theirs, &Choices::new());
    assert_eq!((same.conflicts, same.spec), (Vec::new(), theirs));
}

#[test]
fn variables_come_together_by_name_and_limits_one_by_one() {
    let base = AgentSpec {
        variables: vec![Variable::new("city"), Variable::new("tone")],
        ..spec("Go to {{city}}.", &[])
    };
    let mut mine = base.clone();
    mine.variables.push(Variable::new("mine"));
    mine.variables[1].default = Some("kind".to_owned());
    mine.limits.max_tokens = 500;
    mine.limits.max_steps = 3;
    let mut theirs = base.clone();
    theirs.variables.push(Variable::new("theirs"));
    theirs.variables[0].description = "Where to".to_owned();
    theirs.limits.timeout_seconds = 60;
    theirs.limits.max_steps = 20;
    let merged = merge(&base, &mine, &theirs, &Choices::new());
    assert_eq!(fields(&merged), ["limits.max_steps"]);
    let conflict = &merged.conflicts[0];
    assert_eq!((conflict.mine.as_deref(), conflict.theirs.as_deref()), (Some("3"), Some("20")));
    let Limits { max_steps, max_tokens, timeout_seconds, .. } = merged.spec.limits;
    assert_eq!((max_steps, max_tokens, timeout_seconds), (3, 500, 60));
    let variables = &merged.spec.variables;
    assert_eq!(names(variables, variable_name), ["city", "tone", "mine", "theirs"]);
    assert_eq!(variables[0].description, "Where to");
    assert_eq!(variables[1].default.as_deref(), Some("kind"));
}

#[test]
fn a_prompt_comes_together_by_sentences() {
    let base = spec("You read. You write.\n\nBe kind.", &[]);
    let mine = spec("You read. You write a lot.\n\nBe kind.", &[]);
    let theirs = spec("You read well. You write.\n\nBe kind. Be brief.", &[]);
    let merged = merge(&base, &mine, &theirs, &Choices::new());
    assert_eq!(merged.conflicts, []);
    assert_eq!(merged.spec.system_prompt, "You read well. You write a lot.\n\nBe kind. Be brief.");
}

#[test]
fn a_tool_that_asks_no_longer_is_wider() {
    let mut before = spec("Read.", &["calculator"]);
    before.tools[0].needs_approval = true;
    let after = spec("Read.", &["calculator"]);
    assert_eq!(Widening::between(&before, &after).tools, ["calculator"]);
    assert!(Widening::between(&after, &before).is_empty());
}

#[test]
fn what_lets_a_session_spend_more_is_wider() {
    type Change = fn(&mut AgentSpec);
    let before = AgentSpec {
        limits: Limits { max_cost_micro_usd: Some(10), ..Limits::default() },
        ..spec("Read.", &[])
    };
    let named = |model: &str| ModelPolicy::Named { model: model.to_owned() };
    let mut paid = before.clone();
    paid.model_policy = named("large");
    let table: [(&AgentSpec, Change, &[&str]); 10] = [
        (&before, |_| {}, &[]),
        (&before, |spec| spec.limits.max_steps = 50, &["limits.max_steps"]),
        (&before, |spec| spec.limits.max_steps = 1, &[]),
        (&before, |spec| spec.limits.max_tokens = 9_000, &["limits.max_tokens"]),
        (&before, |spec| spec.limits.timeout_seconds = 900, &["limits.timeout_seconds"]),
        (&before, |spec| spec.limits.max_cost_micro_usd = None, &["limits.max_cost_micro_usd"]),
        (&before, |spec| spec.limits.max_cost_micro_usd = Some(11), &["limits.max_cost_micro_usd"]),
        (&before, |spec| spec.limits.max_cost_micro_usd = Some(9), &[]),
        (&paid, |spec| spec.model_policy = ModelPolicy::Auto, &["model_policy"]),
        (&paid, |spec| spec.model_policy = ModelPolicy::Builtin, &[]),
    ];
    for (before, change, expected) in table {
        let mut after = before.clone();
        change(&mut after);
        let spend = Widening::between(before, &after).spend;
        let fields: Vec<_> = spend.iter().map(|change| change.field.as_str()).collect();
        assert_eq!(fields, expected);
    }
    let wider = Widening::between(&before, &paid);
    assert_eq!(wider.spend[0].before.as_deref(), Some(r#"{"mode":"auto"}"#));
    assert!(wider.clone().without(&wider).is_empty());
}
