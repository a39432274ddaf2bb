package io.ashlar.database;

/** How to reach a database. */
public record DatabaseAddress(String url, String user, String password) {
    @Override
    public String toString() {
        return url + " as " + user;
    }
}
