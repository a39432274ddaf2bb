package io.ashlar.console;

import com.vaadin.flow.server.VaadinRequest;
import io.ashlar.access.Actor;
import io.ashlar.identity.Member;
import io.ashlar.identity.Members;
import org.springframework.security.core.Authentication;
import org.springframework.security.core.context.SecurityContextHolder;

/** Who acts in the console: always as the database says now, whatever the session was begun with. */
public final class ConsoleActors {
    private final Members members;

    public ConsoleActors(Members members) {
        this.members = members;
    }

    /** The member of this request. */
    public Member member() {
        Authentication known = SecurityContextHolder.getContext().getAuthentication();
        if (known == null) {
            throw new IllegalStateException("nobody is signed in");
        }
        return members.byLogin(known.getName())
                .filter(Member::enabled)
                .orElseThrow(() -> new IllegalStateException(known.getName() + " may not be here any more"));
    }

    public Actor actor() {
        VaadinRequest request = VaadinRequest.getCurrent();
        return member().actor(request == null || request.getRemoteAddr() == null ? "" : request.getRemoteAddr());
    }
}
