package io.ashlar.access;

/** Somebody asked for what their role may not do. */
public final class NotPermittedException extends RuntimeException {
    private static final long serialVersionUID = 1;

    NotPermittedException(Role role, Permission permission) {
        super("The role " + role.words() + " may not " + permission.words() + ".", null, false, false);
    }
}
