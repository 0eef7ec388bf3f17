mod audience_token;
mod cookie;
mod credentials;
mod renewal;
mod sign_in;
mod way_back;
