//! `completion`: scripts that make shells complete the words of a program.
//!
//! The scripts know nothing: they ask the program, with `__complete` and the words so far, what could be typed next. The
//! answer has a line for each word, and at the end one that begins with a colon, for the scripts of etcd's own program.

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

// Bash takes `--order=D` for three words, of which only the last is replaced.
const BASH: &str = "# bash completion for PROGRAM
_PROGRAM_words() {
    local IFS=$'\\n' typed=() before='' at
    for ((at = 1; at <= COMP_CWORD; at++)); do
        if [[ ${COMP_WORDS[at]} == '=' || $before == '=' ]] && ((${#typed[@]})); then
            typed[-1]+=${COMP_WORDS[at]}
        else
            typed+=(\"${COMP_WORDS[at]}\")
        fi
        before=${COMP_WORDS[at]}
    done
    COMPREPLY=($(PROGRAM __complete \"${typed[@]}\" 2>/dev/null | sed '/^:/d' | cut -f1))
    if [[ ${typed[-1]} == --*=* ]]; then
        COMPREPLY=(\"${COMPREPLY[@]#*=}\")
    fi
}
complete -o default -F _PROGRAM_words PROGRAM
";

// The file is either sourced, or found in $fpath and run when something is to be completed for the first time.
const ZSH: &str = "#compdef PROGRAM
_PROGRAM() {
    local -a words_offered
    local line
    while IFS= read -r line; do
        [[ $line == :* ]] && continue
        words_offered+=(\"${${line//:/\\\\:}/$'\\t'/:}\")
    done < <(PROGRAM __complete \"${(@)words[2,CURRENT]}\" 2>/dev/null)
    if (( ${#words_offered} )); then
        _describe 'PROGRAM' words_offered
    else
        _files
    fi
}
if [[ ${funcstack[1]} == _PROGRAM ]]; then
    _PROGRAM \"$@\"
else
    compdef _PROGRAM PROGRAM
fi
";

const FISH: &str = "# fish completion for PROGRAM
function __PROGRAM_words
    set -l typed (commandline -opc)
    set -l words (PROGRAM __complete $typed[2..-1] (commandline -ct) 2>/dev/null | string match -v ':*')
    if set -q words[1]
        printf '%s\\n' $words
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c PROGRAM -f -a '(__PROGRAM_words)'
";

const POWERSHELL: &str = "# PowerShell completion for PROGRAM
Register-ArgumentCompleter -Native -CommandName PROGRAM -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $typed = @($commandAst.CommandElements | Select-Object -Skip 1 | ForEach-Object { $_.ToString() })
    if ($wordToComplete -eq '') { $typed += '\"\"' }
    PROGRAM __complete @typed 2>$null | Where-Object { $_ -notlike ':*' } | ForEach-Object {
        $word, $about = $_ -split \"`t\", 2
        if (-not $about) { $about = $word }
        [System.Management.Automation.CompletionResult]::new($word, $word, 'ParameterValue', $about)
    }
}
";

pub(crate) async fn run(invocation: &mut Invocation) -> Result<(), Failure> {
    let script = script(invocation.matches.arg(0).as_str(), invocation.path[0].name);
    invocation.out.write(script.as_bytes());
    Ok(())
}

fn script(shell: &str, program: &str) -> String {
    let script = match shell {
        "bash" => BASH,
        "zsh" => ZSH,
        "fish" => FISH,
        _ => POWERSHELL,
    };
    script.replace("PROGRAM", program)
}

#[cfg(test)]
mod tests {
    use super::script;
    use std::{fs, path::Path};

    /// Packages bring these files; `OXETCD_WRITE_DOCS=1` writes them anew.
    #[test]
    fn the_scripts_in_packages_are_those_that_the_programs_write() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/completions");
        for program in ["etcdctl", "etcdutl"] {
            let files = [
                ("bash", format!("{program}.bash")),
                ("zsh", format!("_{program}")),
                ("fish", format!("{program}.fish")),
            ];
            for (shell, name) in files {
                let file = dir.join(name);
                if std::env::var_os("OXETCD_WRITE_DOCS").is_some() {
                    fs::write(&file, script(shell, program)).expect("the checkout is writable");
                }
                let text = fs::read_to_string(&file).unwrap_or_default();
                assert_eq!(text, script(shell, program), "{}", file.display());
            }
        }
    }
}
