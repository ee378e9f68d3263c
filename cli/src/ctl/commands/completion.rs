//! `completion`: scripts that make shells complete the words of etcdctl.
//!
//! The scripts know nothing: they ask the program, with `__complete` and the words so far, what could be typed next.

use crate::{
    args::{Command, Failure, Invocation},
    ctl::UTILITY,
};

pub(super) static COMPLETION: Command = Command {
    usage: "[bash|zsh|fish|powershell]",
    long: "Writes a script that makes a shell complete the words of etcdctl.

Bash:
  $ source <(etcdctl completion bash)
  # for every session:
  $ etcdctl completion bash > /etc/bash_completion.d/etcdctl

Zsh:
  $ source <(etcdctl completion zsh)
  # for every session:
  $ etcdctl completion zsh > \"${fpath[1]}/_etcdctl\"

Fish:
  $ etcdctl completion fish | source
  # for every session:
  $ etcdctl completion fish > ~/.config/fish/completions/etcdctl.fish

PowerShell:
  PS> etcdctl completion powershell | Out-String | Invoke-Expression
",
    group: Some(UTILITY),
    choices: &["bash", "zsh", "fish", "powershell"],
    run: Some(|invocation| Box::pin(run(invocation))),
    ..Command::new("completion", "Writes a script for shell completion")
};

const BASH: &str = "# bash completion for PROGRAM
_PROGRAM_words() {
    local IFS=$'\\n'
    COMPREPLY=($(PROGRAM __complete \"${COMP_WORDS[@]:1:COMP_CWORD}\" 2>/dev/null | cut -f1))
}
complete -o default -F _PROGRAM_words PROGRAM
";

const ZSH: &str = "#compdef PROGRAM
_PROGRAM() {
    local -a words_offered
    local line
    while IFS= read -r line; do
        words_offered+=(\"${${line//:/\\\\:}/$'\\t'/:}\")
    done < <(PROGRAM __complete \"${(@)words[2,CURRENT]}\" 2>/dev/null)
    if (( ${#words_offered} )); then
        _describe 'PROGRAM' words_offered
    else
        _files
    fi
}
compdef _PROGRAM PROGRAM
";

const FISH: &str = "# fish completion for PROGRAM
function __PROGRAM_words
    set -l typed (commandline -opc) (commandline -ct)
    PROGRAM __complete $typed[2..-1] 2>/dev/null
end
complete -c PROGRAM -a '(__PROGRAM_words)'
";

const POWERSHELL: &str = "# PowerShell completion for PROGRAM
Register-ArgumentCompleter -Native -CommandName PROGRAM -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $typed = @($commandAst.CommandElements | Select-Object -Skip 1 | ForEach-Object { $_.ToString() })
    if ($wordToComplete -eq '') { $typed += '\"\"' }
    PROGRAM __complete @typed 2>$null | ForEach-Object {
        $word, $about = $_ -split \"`t\", 2
        if (-not $about) { $about = $word }
        [System.Management.Automation.CompletionResult]::new($word, $word, 'ParameterValue', $about)
    }
}
";

pub(crate) async fn run(invocation: &mut Invocation) -> Result<(), Failure> {
    let script = match invocation.matches.arg(0).as_str() {
        "bash" => BASH,
        "zsh" => ZSH,
        "fish" => FISH,
        _ => POWERSHELL,
    };
    invocation.out.write(script.replace("PROGRAM", invocation.path[0].name).as_bytes());
    Ok(())
}
