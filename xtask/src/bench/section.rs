//! What the document says of a run.

use super::answer::Answer;
use super::chart;
use crate::table::Table;

/// The document's section, in Markdown.
pub(super) fn markdown(machine: &str, answers: &[Answer]) -> String {
    let mut targets = Table::new(["target", "at most", "measured", ""]);
    let mut missed = 0;
    for target in answers.iter().flat_map(|answer| &answer.targets) {
        missed += usize::from(!target.is_met());
        targets.push(target.row());
    }
    let missed = match missed {
        0 => "All targets are met".to_owned(),
        1 => "One target is not met".to_owned(),
        _ => format!("{missed} targets are not met"),
    };
    let pictures = chart::all(answers);
    let pictures = pictures
        .iter()
        .map(|(name, chart)| format!("![{}]({name})\n\n", chart.title()));
    let (pictures, details) = (joined(pictures), joined(answers.iter().map(detail)));
    format!(
        "`cargo xtask bench` measures two pages of Heartwire beside what people would use instead, each as \
         its library's documentation leads one to write it and built for production: in one run, in turn, \
         medians with the least and the most, on {machine}. The *seed* is a page of 60 lines made with the \
         crate: an input, the last message, a heartbeat, reconnection; the others have that too, but for Vue 2, \
         which does not reconnect. The *page* is all of Heartwire, with its log, both languages, its pulse and its \
         receipts switched on. Opening the socket early, drawing \
         ten times a second, and only the last message in between or while somebody types, are \
         techniques, not gifts of a language: another page that used them would gain, too. \
         [bench.md](bench.md) tells the method. Only ratios of one run mean anything: those among the targets are the whole page's figure divided by the other's, \
         those in the tables the seed's divided by that page's. {missed}.\n\n{pictures}{}{details}",
        targets.markdown()
    )
}

/// One question with all its tables, to be unfolded.
fn detail(answer: &Answer) -> String {
    let tables = answer
        .tables()
        .map(|(title, table)| format!("{title}:\n\n{}\n", table.markdown()));
    let remarks = answer.remarks();
    let remarks = remarks.iter().map(|remark| format!("{remark}\n\n"));
    let (tables, remarks) = (joined(tables), joined(remarks));
    format!(
        "\n<details>\n<summary>{}</summary>\n\n{tables}{remarks}</details>\n",
        answer.question
    )
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect()
}

#[cfg(test)]
mod tests {
    use super::super::answer::Target;
    use super::*;

    #[test]
    fn a_target_that_is_missed_and_what_failed_are_told() {
        let mut answer = Answer::new("delivery", "What arrives?");
        answer.targets = vec![
            Target::none("texts lost", Some(0.0)),
            Target::none("texts falsely reported", Some(2.0)),
        ];
        answer.notes = vec!["Failed: VueUse: no connection.".to_owned()];

        let markdown = markdown("2 cores", &[answer]);

        assert!(markdown.contains("One target is not met."), "{markdown}");
        assert!(markdown.contains("| texts falsely reported | 0 | 2 | not met |"));
        assert!(markdown.contains("<summary>What arrives?</summary>"));
        assert!(markdown.contains("Failed: VueUse: no connection."));
    }
}
