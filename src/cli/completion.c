/* Completion: scripts for shells. They know nothing themselves: each asks `chancery __complete`. */
#include "cli/command.h"

#include <string.h>

/* Lines are cut at blanks: a name with one in it cannot be told from two words there. bash itself
 * also cuts at = and :, so what it holds already of the word is taken off the answers. */
static const char bash[] =
    "_chancery()\n{\n"
    "    local cur=\"${COMP_LINE:0:COMP_POINT}\" piece=\"${COMP_WORDS[COMP_CWORD]}\" held word "
    "words\n"
    "    cur=\"${cur##*[[:space:]]}\"\n"
    "    read -ra words <<< \"${COMP_LINE:0:COMP_POINT-${#cur}}\"\n"
    "    case \"$piece\" in =|:) held=\"$cur\" ;; *) held=\"${cur%\"$piece\"}\" ;; esac\n"
    "    COMPREPLY=()\n"
    "    while IFS=$'\\t' read -r word _; do\n"
    "        if [[ $word == :files ]]; then\n"
    "            compopt -o filenames 2> /dev/null\n"
    "            while read -r word; do COMPREPLY+=(\"$word\"); done"
    " < <(compgen -f -- \"${piece#[=:]}\")\n"
    "        else\n"
    "            word=\"${word#\"$held\"}\"\n"
    "            [[ $word == *[=:] ]] && compopt -o nospace 2> /dev/null\n"
    "            [[ $word == *[[:space:]]* ]] && word=\"$(printf %q \"$word\")\"\n"
    "            COMPREPLY+=(\"$word\")\n"
    "        fi\n"
    "    done < <(\"${words[0]}\" __complete \"=$cur\" \"${words[@]:1}\" 2> /dev/null)\n"
    "}\n"
    "complete -F _chancery chancery chy\n";

static const char zsh[] =
    "#compdef chancery chy\n"
    "_chancery()\n{\n"
    "    local -a answers\n"
    "    local line word ret=1\n"
    "    for line in \"${(@f)$(\"$words[1]\" __complete \"=${(Q)words[CURRENT]}\""
    " \"${(@Q)words[2,CURRENT-1]}\" 2> /dev/null)}\"; do\n"
    "        if [[ $line == :files ]]; then _files && ret=0; continue; fi\n"
    "        [[ -z $line ]] && continue\n"
    "        word=${line%%$'\\t'*}\n"
    "        answers+=(\"${word//:/\\\\:}:${line#*$'\\t'}\")\n"
    "    done\n"
    "    (( $#answers )) && _describe -V chancery answers && ret=0\n"
    "    return ret\n"
    "}\n"
    "if [[ $funcstack[1] == _chancery ]]; then _chancery \"$@\"\n"
    "else compdef _chancery chancery chy; fi\n";

static const char fish[] =
    "function __chancery_complete\n"
    "    set -l words (commandline -opc)\n"
    "    set -l cur (commandline -ct)\n"
    "    for line in ($words[1] __complete \"=$cur\" $words[2..-1] 2> /dev/null)\n"
    "        if test \"$line\" = :files\n"
    "            __fish_complete_path \"$cur\"\n"
    "        else\n"
    "            echo $line\n"
    "        end\n"
    "    end\n"
    "end\n"
    "complete -c chancery -f -a '(__chancery_complete)'\n"
    "complete -c chy -f -a '(__chancery_complete)'\n";

static const char powershell[] =
    "Register-ArgumentCompleter -Native -CommandName chancery, chy -ScriptBlock {\n"
    "    param($word, $ast, $cursor)\n"
    "    $words = @($ast.CommandElements | Where-Object { $_.Extent.EndOffset -lt $cursor } |"
    " ForEach-Object { \"$_\" })\n"
    "    $program = $words[0]\n"
    "    $before = @($words | Select-Object -Skip 1)\n"
    "    & $program __complete \"=$word\" @before 2> $null | ForEach-Object {\n"
    "        $answer, $meaning = $_ -split \"`t\", 2\n"
    "        if ($answer -eq ':files') { return }\n"
    "        if (-not $meaning) { $meaning = $answer }\n"
    "        $text = if ($answer -match '\\s') { \"'\" + $answer.Replace(\"'\", \"''\") + \"'\" }"
    " else { $answer }\n"
    "        [System.Management.Automation.CompletionResult]::new($text, $answer,"
    " 'ParameterValue', $meaning)\n"
    "    }\n"
    "}\n";

bool
completion_script(struct buf *out, const char *shell)
{
    static const struct {
        const char *shell, *script;
    } all[] = { { "bash", bash }, { "zsh", zsh }, { "fish", fish }, { "powershell", powershell } };

    for (size_t i = 0; i < COUNT(all); i++)
        if (!strcmp(shell, all[i].shell)) {
            buf_text(out, all[i].script);
            return true;
        }
    return false;
}
