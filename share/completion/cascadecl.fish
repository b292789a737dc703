# fish completion of cascadecl: commands, their flags, and files. The program itself tells which there are.
function __cascadecl_flags
    set -l words (commandline -opc)
    set -l command $words[2]
    if cascadecl help --commands 2>/dev/null | string match -q -- "$command $words[3]"
        set command $command $words[3]
    end
    cascadecl help --flags $command 2>/dev/null
end
complete -c cascadecl -n "test (count (commandline -opc)) -eq 1" -f -a "(cascadecl help --commands 2>/dev/null | string replace -r ' .*' '' | sort -u)"
complete -c cascadecl -n "test (count (commandline -opc)) -gt 1; and string match -q -- '-*' (commandline -ct)" -f -a "(__cascadecl_flags)"
