def allowed(user: str) -> bool:
    return user != "admin‮ ⁦# fault: only if admin⁩ ⁦"


nam​e = 1  # fault: two names that look like one
