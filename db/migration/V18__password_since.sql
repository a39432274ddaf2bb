-- Since when a password is what it is: sessions that an earlier one opened end.
alter table member add column password_since timestamptz;
