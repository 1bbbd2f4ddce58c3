#!/usr/bin/env bash
# Fetches and checks out, as the inputs say; see action.yml.
set -euo pipefail

mkdir -p "$FOLDER"
cd "$FOLDER"
git init --quiet .
git remote add origin "$SERVER/$REPOSITORY"

# Never empty: to a Mac's bash, 3.2, an array without elements is a variable that isn't set.
from=(--depth="$DEPTH" --no-tags origin)
if [[ $DEPTH == 0 ]]; then
    from=(--tags origin "+refs/heads/*:refs/remotes/origin/*")
elif [[ $TAGS == true ]]; then
    from+=("+refs/tags/*:refs/tags/*")
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
        git fetch --quiet "${from[@]}"
    else
        git fetch --quiet "${from[@]}" "+${commit:-$ref}:refs/remotes/origin/$branch"
    fi
    git checkout --quiet --force -B "$branch" "${commit:-refs/remotes/origin/$branch}"
    ;;
refs/tags/*)
    git fetch --quiet "${from[@]}" "+$ref:$ref"
    git checkout --quiet --force --detach "$ref"
    ;;
refs/pull/*)
    here=refs/remotes/${ref#refs/}
    git fetch --quiet "${from[@]}" "+${commit:-$ref}:$here"
    git checkout --quiet --force --detach "$here"
    ;;
*)
    git fetch --quiet "${from[@]}" "$ref"
    git checkout --quiet --force --detach "$ref"
    ;;
esac

{
    echo "ref=$ref"
    echo "commit=$(git rev-parse HEAD)"
} >>"$GITHUB_OUTPUT"
