#!/usr/bin/env bash
# Fetches and checks out, as the inputs say; see action.yml.
set -euo pipefail

mkdir -p "$FOLDER"
cd "$FOLDER"
git init --quiet .
git remote add origin "$SERVER/$REPOSITORY"

depth=(--depth="$DEPTH" --no-tags)
everything=()
if [[ $DEPTH == 0 ]]; then
    depth=(--tags)
    everything=("+refs/heads/*:refs/remotes/origin/*")
elif [[ $TAGS == true ]]; then
    everything=("+refs/tags/*:refs/tags/*")
fi

ref=$REF commit=""
if [[ -z $ref ]]; then
    ref=$EVENT_REF commit=$EVENT_SHA
elif [[ ! $ref =~ ^([0-9a-f]{40}|refs/.*)$ ]]; then
    if git ls-remote --exit-code origin "refs/heads/$ref" >/dev/null; then
        ref=refs/heads/$ref
    elif git ls-remote --exit-code origin "refs/tags/$ref" >/dev/null; then
        ref=refs/tags/$ref
    else
        echo "::error::A branch or tag with the name '$ref' could not be found in $REPOSITORY."
        exit 1
    fi
fi

case $ref in
refs/heads/*)
    branch=${ref#refs/heads/}
    if [[ $DEPTH == 0 ]]; then # every branch comes; the event's commit need not be its branch's newest any more
        git fetch --quiet "${depth[@]}" origin "${everything[@]}"
    else
        git fetch --quiet "${depth[@]}" origin "${everything[@]}" "+${commit:-$ref}:refs/remotes/origin/$branch"
    fi
    git checkout --quiet --force -B "$branch" "${commit:-refs/remotes/origin/$branch}"
    ;;
refs/tags/*)
    git fetch --quiet "${depth[@]}" origin "${everything[@]}" "+$ref:$ref"
    git checkout --quiet --force --detach "$ref"
    ;;
refs/pull/*)
    here=refs/remotes/${ref#refs/}
    git fetch --quiet "${depth[@]}" origin "${everything[@]}" "+${commit:-$ref}:$here"
    git checkout --quiet --force --detach "$here"
    ;;
*)
    git fetch --quiet "${depth[@]}" origin "${everything[@]}" "$ref"
    git checkout --quiet --force --detach "$ref"
    ;;
esac

{
    echo "ref=$ref"
    echo "commit=$(git rev-parse HEAD)"
} >>"$GITHUB_OUTPUT"
