# bash completion for etcdutl
_etcdutl_words() {
    local IFS=$'\n' typed=() before='' at
    for ((at = 1; at <= COMP_CWORD; at++)); do
        if [[ ${COMP_WORDS[at]} == '=' || $before == '=' ]] && ((${#typed[@]})); then
            typed[-1]+=${COMP_WORDS[at]}
        else
            typed+=("${COMP_WORDS[at]}")
        fi
        before=${COMP_WORDS[at]}
    done
    COMPREPLY=($(etcdutl __complete "${typed[@]}" 2>/dev/null | sed '/^:/d' | cut -f1))
    if [[ ${typed[-1]} == --*=* ]]; then
        COMPREPLY=("${COMPREPLY[@]#*=}")
    fi
}
complete -o default -F _etcdutl_words etcdutl
