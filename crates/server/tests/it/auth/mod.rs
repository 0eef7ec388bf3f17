mod audience_token;
mod cookie;
mod credentials;
mod renewal;
mod sign_in;
