#!/bin/sh
# Written by the sandbox into its own folder, first on the PATH of its shell: the real pulumi, with two differences.
#
# `pulumi stack init` and every later command write the stack's encrypted state key into Pulumi.<stack>.yaml. That key
# belongs to one sandbox, the file to everybody. So commands that read a stack's configuration get --config-file with
# a copy of the committed file that has this sandbox's key in front; the copy is made anew each time. Commands in other
# projects, for stacks the sandbox did not make, or with a --config-file of their own pass through untouched.
#
# `destroy` and `refresh` run the program, and so the guard, once the stack holds what the guard protects. On an empty
# stack `destroy` with the program would make providers and leave them.
set -eu
real=@REAL@
project=@PROJECT@
stacks=@STACKS@
states=@STATES@

stack=${PULUMI_STACK-} command='' sub='' folder=$PWD previous='' own='' history='' remove=''
for argument in "$@"; do
    case $previous in
        -s | --stack) stack=$argument; previous=''; continue ;;
        -C | --cwd) folder=$argument; previous=''; continue ;;
        --color | --exec-kind | -m | --message) previous=''; continue ;;
    esac
    previous=$argument
    case $argument in
        --) break ;;
        --stack=*) stack=${argument#*=} ;;
        --cwd=*) folder=${argument#*=} ;;
        --config-file | --config-file=*) own=yes ;;
        --show-secrets | --show-secrets=true) history=yes ;;
        --remove | --remove=true) remove=yes ;;
        -*) ;;
        *) if [ -z "$command" ]; then command=$argument; elif [ -z "$sub" ]; then sub=$argument; fi ;;
    esac
done

in_project() {
    at=$(cd "$folder" 2>/dev/null && pwd -P) || return 1
    while [ "$at" != / ]; do
        if [ -f "$at/Pulumi.yaml" ]; then [ "$at" = "$project" ]; return; fi
        at=$(dirname "$at")
    done
    return 1
}

case "$command $sub" in
    'up '* | 'update '* | 'preview '* | 'pre '* | 'refresh '* | 'destroy '* | 'down '* | 'dn '* | 'import '* | 'watch '* | 'logs '*)
        if [ -z "$own" ] && in_project; then
            if [ -z "$stack" ]; then stack=$(cd "$folder" && "$real" stack --show-name 2>/dev/null) || stack=''; fi
            stack=${stack##*/}
            key=$stacks/init/Pulumi.$stack.yaml
            if [ -n "$stack" ] && [ -f "$key" ]; then
                case $command in
                    refresh | destroy | down | dn)
                        if grep -qs '"app-of-apps guard ' "$states/$stack.json"; then
                            PULUMI_RUN_PROGRAM=${PULUMI_RUN_PROGRAM-true}
                            export PULUMI_RUN_PROGRAM
                        fi
                        ;;
                esac
                file=$stacks/Pulumi.$stack.yaml
                {
                    sed -n '/^\(secretsprovider\|encryptedkey\):/p' "$key"
                    if [ -f "$project/Pulumi.$stack.yaml" ]; then
                        sed '/^\(secretsprovider\|encryptedkey\|encryptionsalt\):/d' "$project/Pulumi.$stack.yaml"
                    fi
                } >"$file.$$"
                if cmp -s "$file.$$" "$file"; then rm -f "$file.$$"; else mv -f "$file.$$" "$file"; fi
                if [ -z "$remove" ]; then exec "$real" "$@" --config-file "$file"; fi
                # `destroy --remove` deletes the committed file with the stack, whatever --config-file says.
                if [ -f "$project/Pulumi.$stack.yaml" ]; then cp -p "$project/Pulumi.$stack.yaml" "$file.kept"; fi
                code=0
                "$real" "$@" --config-file "$file" || code=$?
                if [ -f "$file.kept" ]; then mv -f "$file.kept" "$project/Pulumi.$stack.yaml"; fi
                exit "$code"
            fi
        fi
        ;;
    'stack rm' | 'stack remove')
        # Removing a sandbox's stack must not remove the committed file.
        if in_project; then exec "$real" "$@" --preserve-config; fi
        ;;
    'stack history')
        # Showing secret configuration would ask for the key; there is none in the committed files.
        if [ -n "$history" ] && in_project; then
            for argument in "$@"; do
                shift
                case $argument in --show-secrets | --show-secrets=true) ;; *) set -- "$@" "$argument" ;; esac
            done
        fi
        ;;
esac
exec "$real" "$@"
