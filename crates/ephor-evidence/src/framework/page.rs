//! The page of a framework for the documentation, made from its file.
//! Promises that the page says what the file says, control by control.

use super::{Content, Evidence, Framework, Source};

/// The page, in Markdown.
#[must_use]
pub fn framework_page(framework: &Framework, evidence: &[Evidence]) -> String {
    let mut lines = vec![
        format!("# {}", framework.title),
        String::new(),
        format!("{}, {}. {}", framework.publisher, framework.version, framework.link),
        String::new(),
        framework.about.trim().to_owned(),
        String::new(),
        format!(
            "This page is made from [controls/{0}.yaml](../controls/{0}.yaml). [evidence.md](evidence.md) says how packages are made and checked.",
            framework.id
        ),
        String::new(),
        "| source | at best | why |".to_owned(),
        "| --- | --- | --- |".to_owned(),
    ];
    for source in Source::ALL {
        let grading = framework.grades.of(source);
        lines.push(format!("| {} | {} | {} |", source.title(), grading.grade.as_str(), cell(&grading.reason)));
    }
    lines.extend([String::new(), "## Controls".to_owned(), String::new()]);
    lines.push("| control | asks | Analytics API | Compliance API | rests on |".to_owned());
    lines.push("| --- | --- | --- | --- | --- |".to_owned());
    for control in &framework.controls {
        let graded = |source: Source| {
            let grading = control.grades.of(source);
            format!("**{}**: {}", grading.grade.as_str(), cell(&grading.reason))
        };
        let rests: Vec<String> = control.evidence.iter().map(|id| format!("`{id}`")).collect();
        lines.push(format!(
            "| {} {} | {} | {} | {} | {} |",
            control.id,
            cell(&control.title),
            cell(&control.asks),
            graded(Source::Analytics),
            graded(Source::Compliance),
            rests.join(", ")
        ));
    }
    lines.extend([String::new(), "## How each is tested".to_owned(), String::new()]);
    for control in &framework.controls {
        lines.push(format!("- **{}** {}", control.id, control.tests.join(" ")));
        if !control.also_needed.is_empty() {
            lines.push(format!("  Also needed: {}", control.also_needed.join(" ")));
        }
    }
    lines.extend([String::new(), "## Evidence".to_owned(), String::new()]);
    lines.push("| evidence | source | shows | made of |".to_owned());
    lines.push("| --- | --- | --- | --- |".to_owned());
    for piece in evidence {
        let made = match &piece.content {
            Content::Activities(_) => "activities, each proven".to_owned(),
            Content::Table(question) => format!("a table, a row for {}", question.one_row),
        };
        lines.push(format!(
            "| `{}` {} | {} | {} | {made} |",
            piece.id,
            cell(&piece.title),
            piece.source.title(),
            cell(&piece.shows)
        ));
    }
    lines.extend([String::new(), "## What an auditor will need besides".to_owned(), String::new()]);
    lines.extend(framework.also_needed.iter().map(|need| format!("- {need}")));
    lines.push(String::new());
    lines.join("\n")
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
