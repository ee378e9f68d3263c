//! `completion`: scripts that make shells complete the words of a program.
//!
//! The scripts know nothing: they ask the program, with `__complete` and the words so far, what could be typed next.

use crate::args::{Failure, Invocation};

/// The command of a program, by the program's name.
macro_rules! completion_of {
    ($program:literal) => {
        crate::args::Command {
            usage: "[bash|zsh|fish|powershell]",
            long: concat!(
                "Writes a script that makes a shell complete the words of ",
                $program,
                ".\n\n",
                "Bash:\n",
                "  $ source <(",
                $program,
                " completion bash)\n",
                "  # for every session:\n",
                "  $ ",
                $program,
                " completion bash > /etc/bash_completion.d/",
                $program,
                "\n\n",
                "Zsh:\n",
                "  $ source <(",
                $program,
                " completion zsh)\n",
                "  # for every session:\n",
                "  $ ",
                $program,
                " completion zsh > \"${fpath[1]}/_",
                $program,
                "\"\n\n",
                "Fish:\n",
                "  $ ",
                $program,
                " completion fish | source\n",
                "  # for every session:\n",
                "  $ ",
                $program,
                " completion fish > ~/.config/fish/completions/",
                $program,
                ".fish\n\n",
                "PowerShell:\n",
                "  PS> ",
                $program,
                " completion powershell | Out-String | Invoke-Expression\n",
            ),
            choices: &["bash", "zsh", "fish", "powershell"],
            run: Some(|invocation| Box::pin(crate::completion::run(invocation))),
            ..crate::args::Command::new("completion", "Writes a script for shell completion")
        }
    };
}
pub(crate) use completion_of;

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
