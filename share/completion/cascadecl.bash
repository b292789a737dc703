# bash completion of cascadecl: commands, their flags, and files. The program itself tells which there are.
_cascadecl() {
  local word=${COMP_WORDS[COMP_CWORD]} program=${COMP_WORDS[0]} command
  if [ "$COMP_CWORD" -eq 1 ]; then
    mapfile -t COMPREPLY < <(compgen -W "$("$program" help --commands 2>/dev/null | cut -d' ' -f1 | sort -u)" -- "$word")
    return
  fi
  command=${COMP_WORDS[1]}
  if [ "$COMP_CWORD" -eq 2 ]; then
    mapfile -t COMPREPLY < <(compgen -W "$("$program" help --commands 2>/dev/null | sed -n "s/^$command //p")" -- "$word")
    [ ${#COMPREPLY[@]} -eq 0 ] || return
  fi
  if [[ $word == -* ]]; then
    if "$program" help --commands 2>/dev/null | grep -qx "$command ${COMP_WORDS[2]}"; then command="$command ${COMP_WORDS[2]}"; fi
    mapfile -t COMPREPLY < <(compgen -W "$("$program" help --flags $command 2>/dev/null)" -- "$word")
  else
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
  fi
}
complete -o filenames -F _cascadecl cascadecl
